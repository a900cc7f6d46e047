"""Random code is graded the same every time: no false alarm, no escape, no false name.

`make soak` grades each answer NBJUDGE_GRADINGS times, 200, in all problem sets. Without the
variable it is twice, in the last set only.
"""

import contextlib
import dataclasses
import io
import json
import os
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import problem_set
import pytest
import torch
from nbformat import NotebookNode

import nbjudge.kernel.expect
import nbjudge.kernel.observe
from nbjudge.authoring import build
from nbjudge.authoring.mistakes import Mistake, read_mistakes
from nbjudge.core.notebooks import is_test, solution_text
from nbjudge.judge import naming
from nbjudge.judge.answer_key import CellKey, MistakeEvidence, Payload, observations
from nbjudge.judge.comparators import Frequencies
from nbjudge.judge.judge import judge_cell
from nbjudge.sandbox.engine import Run

GRADINGS = int(os.environ.get("NBJUDGE_GRADINGS", "2"))
GRADED = problem_set.NAMES if "NBJUDGE_GRADINGS" in os.environ else problem_set.NAMES[-1:]
MOST = 0.02
"""The share of gradings that a wrong sampler may pass: twice the chance that a build allows."""


@dataclass(frozen=True)
class Exercise:
    """An exercise whose hidden test counts draws."""

    test: str  # the source of the test's cell, with its KEY region
    key: CellKey
    answers: dict[str, str]  # a mistake's id, or "" for the solution → the source of its cell


def evidence(test: str, answer: str, names: dict[str, Any], seed: int) -> tuple[Payload, ...]:
    """What a test's cell sends, its KEY region too, of an answer in a notebook with `names`.

    Both run there: later tests need what earlier ones bind, and the solution has to come last.
    """
    sent: list[Payload] = []
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
        patch.setattr(nbjudge.kernel.observe, "send", sent.append)
        patch.setattr(nbjudge.kernel.expect, "send", sent.append)
        exec(answer, names)
        exec(test, names)
    return tuple(sent)


def exercises(source: NotebookNode, bank: Iterable[Mistake], names: Any) -> Iterator[Exercise]:
    """The exercises whose tests count draws, with the mistakes that show in the counts."""
    cells = {cell.id: cell for cell in source.cells}
    for test in filter(is_test, source.cells):
        answered = cells.get(test.id.removesuffix("_test"))
        if "frequencies(" not in test.source or answered is None:
            evidence(test.source, "", names, seed=0)
            continue
        answers = {"": solution_text(answered.source)}
        shown = evidence(test.source, answers[""], names, seed=10_000)
        key = build._cell_key(test, Run("", {test.id: tuple(map(json.dumps, shown))}, {}))
        counts = {entry.name for entry in key.expectations if isinstance(entry.rule, Frequencies)}
        found = []
        for mistake in bank:
            if mistake.cell != answered.id or test.id not in mistake.breaks:
                continue
            wrong = solution_text(answered.source.replace(mistake.find, mistake.replace))
            shown = evidence(test.source, wrong, names, seed=10_001)
            made = MistakeEvidence(mistake.id, mistake.says, mistake.credit, shown)
            evidence(test.source, answers[""], names, seed=0)
            if counts & {entry.name for entry in naming.entries(key, made)}:
                found.append(made)
                answers[mistake.id] = wrong
        yield Exercise(test.source, dataclasses.replace(key, mistakes=tuple(found)), answers)


@pytest.mark.slow
@pytest.mark.parametrize("name", GRADED)
def test_random_code_is_graded_the_same_every_time(name: str) -> None:
    source = problem_set.read(name)
    names = problem_set.names_without_training(source)
    bank = read_mistakes(problem_set.ROOT / "mistakes" / f"{name}.toml", source).mistakes
    groups = {mistake.id: mistake.group or mistake.id for mistake in bank}
    wrong = []
    for exercise in exercises(source, bank, names):
        for what, answer in exercise.answers.items():
            told: Counter[str] = Counter()
            for seed in range(GRADINGS):
                shown = evidence(exercise.test, answer, names, seed)
                verdict = judge_cell(exercise.key, observations(shown))
                told["kept"] += verdict.score == verdict.points
                told["misnamed"] += groups.get(verdict.mistake or what) != groups.get(what)
            evidence(exercise.test, exercise.answers[""], names, 0)
            allowed = told["kept"] == GRADINGS if not what else told["kept"] <= MOST * GRADINGS
            if not allowed or told["misnamed"]:
                wrong.append(f"{exercise.key.grade_id}, {what or 'solution'}: {dict(told)}")
    assert not wrong, "\n".join(wrong)
