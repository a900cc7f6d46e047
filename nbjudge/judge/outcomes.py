"""Verdicts by outcome: what a grade cell of asserts earns, by nbgrader's own rules.

These asserts run in the student's process, where a student's code can make them all pass, so such
a verdict is weaker than one on evidence; docs/adopt.md has the table.

Where nbgrader would give points that nobody meant, the cell waits for a person instead.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from nbjudge.judge.answer_key import CellKey
from nbjudge.judge.verdicts import TEST_STOPPED, Verdict

Output = Mapping[str, Any]
LONGEST = 300  # characters of an error's message that feedback shows


def judge_outcome(cell: CellKey, outputs: Sequence[Output], stopped: str | None = None) -> Verdict:
    """The verdict on a grade cell of asserts.

    outputs: what it showed, and the error that ended it, in this order
    stopped: why it did not run to its end, as the end of a sentence

    As in nbgrader, the first of these counts: an error or anything on stderr earns nothing, a last
    value that is a number earns as many points, and otherwise the cell earns all of its points.
    """
    if stopped:
        return _verdict(cell, 0.0, f"{TEST_STOPPED} {stopped}.")
    for output in outputs:
        kind = output["output_type"]
        if kind == "error":
            return _verdict(cell, 0.0, _failed(cell, output))
        if kind == "stream" and output["name"] == "stderr" and not _is_ignored(cell, output):
            if error := next((one for one in outputs if one["output_type"] == "error"), None):
                return _verdict(cell, 0.0, _failed(cell, error))
            return _verdict(cell, 0.0, WARNED)
        if kind == "execute_result":
            return _partial(cell, output.get("data", {}).get("text/plain", ""))
    return _verdict(cell, cell.points, PASSED)


PASSED = "All asserts of this cell passed."
WARNED = (
    "All asserts of this cell passed, but it wrote to stderr, for example a warning, and nbgrader "
    "gives no points for that: ask your instructor if the answer is right."
)


def _partial(cell: CellKey, text: Any) -> Verdict:
    """The verdict on a cell whose last value shows as `text`: a number is partial credit."""
    shown = "".join(text) if isinstance(text, list) else str(text)
    try:
        score = float(shown)
    except ValueError:
        return _verdict(cell, cell.points, PASSED)
    if math.isnan(score) or not 0 <= score <= cell.points:
        return _verdict(
            cell,
            0.0,
            f"The asserts gave {score:g} of {cell.points:g} points, which is no number of points: "
            "a person will look at this.",
            waits=True,
        )
    return _verdict(cell, score, PASSED if score == cell.points else SOME)


SOME = "The asserts of this cell gave a part of its points."


def _failed(cell: CellKey, error: Output) -> str:
    """What went wrong, without what only the hidden asserts know."""
    name, message = str(error.get("ename", "")), " ".join(str(error.get("evalue", "")).split())
    if name == "NotImplementedError":
        return "This exercise has not been written yet."
    if cell.is_hidden:
        what = "An assert" if name == "AssertionError" else f"Its code raised {name}, so an assert"
        return f"{what} of this cell failed."
    told = f"{name}: {message}" if message else name
    return f"The asserts of this cell stopped with {told[:LONGEST]}."


def _is_ignored(cell: CellKey, output: Output) -> bool:
    text = output["text"] if isinstance(output["text"], str) else "".join(output["text"])
    return bool(cell.ignored_stderr and re.search(cell.ignored_stderr, text))


def _verdict(cell: CellKey, score: float, words: str, waits: bool = False) -> Verdict:
    return Verdict(
        grade_id=cell.grade_id,
        points=cell.points,
        score=score,
        matched=int(score == cell.points),
        expected=1,
        mistake=None,
        words=(words,),
        waits=waits,
        by_asserts=True,
    )
