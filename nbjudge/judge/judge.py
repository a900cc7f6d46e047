"""The judge, which compares observations with the answer key outside the student's process."""

import dataclasses
from collections.abc import Mapping, Sequence

from nbjudge.judge import naming
from nbjudge.judge.answer_key import AnswerKey, CellKey, observations, read_payloads
from nbjudge.judge.differences import Observations, wrong
from nbjudge.judge.outcomes import judge_outcome
from nbjudge.judge.scorers import BadFile
from nbjudge.judge.verdicts import TEST_STOPPED, Verdict
from nbjudge.sandbox.engine import Run

MOST_DIFFERENCES = 4
"""The number of differing observations that feedback lists for one cell."""


def judge_cell(cell: CellKey, observed: Observations, stopped: str | None = None) -> Verdict:
    """The verdict on one grade cell.

    Its score is points × matched ÷ expected, less one observation for each guard that failed,
    rounded to quarters; or a known mistake's credit if that is more.  `stopped` says why the
    cell did not run to its end.
    """
    wrongs = {entry.name: wrong(entry, observed) for entry in cell.expectations}
    counted = [entry for entry in cell.expectations if not entry.guard]
    matched = sum(wrongs[entry.name] is None for entry in counted)
    failed_guards = sum(
        wrongs[entry.name] is not None for entry in cell.expectations if entry.guard
    )
    share = max(0, matched - failed_guards) / len(counted)
    score = round_to_quarters(cell.points * share, cell.points)
    found = [] if share == 1 else naming.known_mistakes(cell, observed)
    for mistake in found:  # its credit needs the whole evidence
        score = max(score, round_to_quarters((mistake.credit or 0) * cell.points, cell.points))
    if not found and share < 1:
        found = naming.mistakes_among_others(cell, observed)
    named = [mistake for mistake in found if naming.is_telling(cell, mistake)]
    explained = {entry.name for mistake in named for entry in naming.entries(cell, mistake)}
    left = [words for name, words in wrongs.items() if words and name not in explained]
    words = tuple(dict.fromkeys(mistake.says for mistake in named))
    if left or not named:
        words += _words(left, observed, stopped)
    return Verdict(
        grade_id=cell.grade_id,
        points=cell.points,
        score=score,
        matched=matched,
        expected=len(counted),
        mistake=named[0].id if named else None,
        words=words,
        is_extra=cell.is_extra,
    )


def judge_run(cells: Sequence[CellKey], run: Run) -> dict[str, Verdict]:
    """The verdict on every grade cell of `run` whose points are for code, by grade_id."""
    return {cell.grade_id: _judge_in_run(cell, run) for cell in cells if not cell.scored_file}


def _judge_in_run(cell: CellKey, run: Run) -> Verdict:
    """The verdict on one grade cell: the better one, if it ran with the student's settings too."""
    stopped = run.stopped.get(cell.grade_id)
    if cell.has_asserts:
        if cell.grade_id not in run.outcomes:
            stopped = stopped or "was not run"
        return judge_outcome(cell, run.outcomes.get(cell.grade_id, ()), stopped)
    verdicts = [judge_cell(cell, observed, stopped) for observed in observed_in(cell, run)]
    best = max(verdicts, key=lambda verdict: verdict.score)
    if best.score < best.points and (sentence := run.cut.get(cell.grade_id)):
        return dataclasses.replace(best, words=(*best.words, sentence))
    return best


def observed_in(cell: CellKey, run: Run) -> list[Observations]:
    """What a grade cell showed with the course's settings, and then with the student's own.

    The second is there only if the cell ran once more, because the student had changed settings.
    """
    seen = [run.evidence.get(cell.grade_id, ())]
    seen += [run.on_own_ground[cell.grade_id]] if cell.grade_id in run.on_own_ground else []
    return [observations(read_payloads(texts)) for texts in seen]


def judge_files(key: AnswerKey, files: Mapping[str, bytes]) -> dict[str, Verdict]:
    """The verdicts on the cells of `key` whose points are for submitted files, by grade_id.

    files: submitted files, name → contents
    """
    return {
        cell.grade_id: _file_verdict(key, cell, files) for cell in key.cells if cell.scored_file
    }


def _file_verdict(key: AnswerKey, cell: CellKey, files: Mapping[str, bytes]) -> Verdict:
    share, words = 0.0, f"There is no file {cell.scored_file} in your submission."
    if cell.scored_file in files:
        assert key.scorer is not None and key.test_set is not None, "the build insists"
        try:
            share, words = key.scorer.score(cell.scored_file, files, key.test_set)
        except BadFile as error:
            words = f"{cell.scored_file} {error}"
    score = round_to_quarters(cell.points * share, cell.points)
    return Verdict(cell.grade_id, cell.points, score, int(share == 1), 1, None, (words,))


def round_to_quarters(score: float, points: float) -> float:
    """`score` to the nearest quarter point; only a full score rounds to full points."""
    if score >= points:
        return points
    return min(round(score * 4) / 4, max(0.0, points - 0.25))


def _words(differences: list[str], observed: Observations, stopped: str | None) -> tuple[str, ...]:
    if not differences:
        return ("Everything that was observed is right.",)
    kinds = {entry.raised.type for entry in observed.values() if entry and entry.raised}
    everything_raised = all(entry is not None and entry.raised for entry in observed.values())
    if observed and everything_raised and kinds == {"NotImplementedError"}:
        return ("This exercise has not been written yet.",)
    ending = (f"{TEST_STOPPED} {stopped}.",) if stopped else ()
    if not observed:
        return ending or ("The code of this exercise could not be called.",)
    told = differences[:MOST_DIFFERENCES]
    if len(differences) > len(told):
        told.append(f"… and {len(differences) - len(told)} more observations differ.")
    return (*told, *ending)
