"""The first problem set from release to feedback: what leaks, what stops, what is caught.

`nbjudge demo` is run once, with a third of the known mistakes; every test below looks at the folder
that it leaves.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np
import problem_set
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbgrader.api import Gradebook

from nbjudge.authoring import runs
from nbjudge.authoring.mistakes import empty_answers, read_mistakes, solutions_of
from nbjudge.core.course import Course, find_course
from nbjudge.core.notebooks import is_solution, is_test, read_notebook, region, solution_text
from nbjudge.judge import judge
from nbjudge.judge.answer_key import load_key
from nbjudge.judge.verdicts import attached
from nbjudge.kernel import evidence
from nbjudge.sandbox.engine import run
from nbjudge.sandbox.isolation import Isolation
from tests import shared

ROOT = Path(__file__).parents[2]
NAME = "ps1_rnn_sampling"


@dataclass(frozen=True)
class Demo:
    course: Course
    printed: str


def lmlib(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nbjudge.cli", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, session_folder: Path) -> Demo:
    parent = tmp_path_factory.mktemp("a demo")
    smaller, folder = parent / "course", parent / "class"
    smaller.mkdir()
    problem_set.smaller_course(NAME, smaller, first=2)
    with shared.turn(session_folder, NAME):
        done = lmlib("--course", str(smaller), "demo", "--folder", str(folder))
        assert done.returncode == 0, done.stderr
        shared.keep_runs(session_folder, find_course(folder), NAME)
    return Demo(find_course(folder), done.stdout)


def rows(printed: str) -> dict[str, str]:
    """The first line of each student's row in the printed table, by student."""
    lines = (re.split(r"\s*│\s*", line)[1:-1] for line in printed.splitlines() if "│" in line)
    return {cells[0]: " | ".join(cells[1:3]) for cells in lines if cells[0]}


# ---- the demo's class


def test_the_demo_grades_twelve_students_and_says_what_to_open(demo: Demo) -> None:
    found = rows(demo.printed)
    assert len(found) == 12
    assert {"everything right | 16 / 16", "blank | 0 / 16", "a broken file | failed"} <= set(
        found.values()
    )
    page = Path(re.search(r"Open next, in a browser: (.*)", demo.printed)[1])
    assert (ROOT / page).is_file() or page.is_file()


def test_every_mistake_of_the_demo_is_named_on_its_page(demo: Demo) -> None:
    course = demo.course
    listed = read_mistakes(course.mistakes(NAME), read_notebook(course.source(NAME))).mistakes
    says = {mistake.id: mistake.says for mistake in listed}
    named = 0
    for student, row in rows(demo.printed).items():
        mistake = row.split(" | ")[0]
        if mistake in says:
            page = (course.feedback(student, NAME) / f"{NAME}.html").read_text()
            plain = re.sub(r"<[^>]+>", "", page).replace("&#39;", "'").replace("&#34;", '"')
            assert says[mistake].replace("`", "") in plain
            named += 1
    assert named == 7


def test_the_broken_file_is_failed_and_not_a_zero(demo: Demo) -> None:
    (student,) = [name for name, row in rows(demo.printed).items() if "broken" in row]
    record = attached(read_notebook(demo.course.autograded_notebook(student, NAME)))
    assert record is not None and record.status == "failed" and record.reason


def test_no_page_shows_a_hidden_test_or_a_mark_scheme(demo: Demo) -> None:
    secrets = hidden_lines(demo.course)
    for page in demo.course.root.glob("feedback/*/*/*.html"):
        text = page.read_text()
        assert not [line for line in secrets if line in text]


def test_a_second_demo_replaces_the_first(demo: Demo) -> None:
    (demo.course.root / "leftover").write_text("x")
    again = shutil.copytree(demo.course.root, demo.course.root.parent / "again")
    from nbjudge.authoring import demo as module

    module.prepare(find_course(ROOT), again)
    assert {path.name for path in again.iterdir()} == {
        "course.toml", "nbgrader_config.py", "source", "mistakes", module.MARKER,
    }  # fmt: skip


# ---- the release


def hidden_lines(course: Course) -> list[str]:
    """Lines that only the instructor may see: of solutions, hidden tests, keys, mark schemes."""
    lines: set[str] = set()
    visible: set[str] = set()
    for cell in read_notebook(course.source(NAME)).cells:
        rest = cell.source
        for kind in ("SOLUTION", "HIDDEN TESTS", "KEY", "MARK SCHEME"):
            inside = region(cell.source, kind)
            if inside is not None:
                lines |= {line.strip() for line in inside.splitlines()}
                rest = rest.replace(inside, "")
        visible |= {line.strip() for line in rest.splitlines()}
    return [line for line in lines - visible if len(line) > 24]


def test_the_release_holds_nothing_of_the_instructors(demo: Demo) -> None:
    released = read_notebook(demo.course.release(NAME))
    text = "\n".join(cell.source for cell in released.cells)
    secrets = hidden_lines(demo.course)
    assert len(secrets) > 60
    assert not [line for line in secrets if line in text]
    for word in ("BEGIN", "observe", "expect(", "oracle", "### END"):
        assert word not in text
    assert not [cell for cell in released.cells if cell.get("outputs")]
    assert {path.name for path in demo.course.release(NAME).parent.iterdir()} == {f"{NAME}.ipynb"}


def test_the_release_holds_no_expected_value_and_no_mistake(demo: Demo) -> None:
    text = demo.course.release(NAME).read_text()
    key = load_key(demo.course.key(NAME), NAME)
    for cell in key.cells:
        for expectation in cell.expectations:
            value = evidence.decode(expectation.value)
            if isinstance(value, str) and len(value) > 8:
                assert value not in text
            if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size == 1:
                assert f"{float(value):.3f}" not in text
        for mistake in cell.mistakes:
            assert mistake.says not in text


def test_the_installed_package_holds_no_answer(demo: Demo) -> None:
    solutions = [
        line
        for line in hidden_lines(demo.course)
        if any(line in source for source in solutions_of(source_of(demo)).values())
    ]
    package = "\n".join(path.read_text() for path in (ROOT / "lmlib").rglob("*.py"))
    assert solutions and not [line for line in solutions if line in package]


def source_of(demo: Demo) -> nbformat.NotebookNode:
    return read_notebook(demo.course.source(NAME))


def test_unsolved_it_stops_at_the_first_exercise_with_a_friendly_message(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMLIB_PROFILE", "smoke")
    notebook = read_notebook(demo.course.release(NAME))
    client = NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}})
    with pytest.raises(CellExecutionError):
        client.execute()
    failed = [c for c in notebook.cells if any("ename" in o for o in c.get("outputs", []))]
    assert [cell.id for cell in failed] == ["rnn_step_check"]
    (shown,) = failed[0].outputs[-1].traceback
    assert "rnn_step is not written yet" in shown and "Traceback" not in shown


def validated(path: Path) -> str:
    """What nbgrader's Validate button says of the notebook."""
    command = [sys.executable, "-m", "nbgrader", "validate", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_validate_fails_unsolved_and_passes_solved(demo: Demo, tmp_path: Path) -> None:
    unsolved = shutil.copy(demo.course.release(NAME), tmp_path / "unsolved.ipynb")
    said = validated(Path(unsolved))
    assert "VALIDATION FAILED ON 6 CELL(S)" in said and "rnn_step is not written yet" in said
    notebook = read_notebook(demo.course.release(NAME))
    answers = solutions_of(source_of(demo))
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    nbformat.write(notebook, tmp_path / "solved.ipynb")
    assert "Success" in validated(tmp_path / "solved.ipynb")


# ---- grading


def test_the_solution_earns_full_marks_as_a_submission(demo: Demo) -> None:
    course, key = demo.course, load_key(demo.course.key(NAME), NAME)
    task = runs.student_task(course.assignment(NAME), key.template, solutions_of(source_of(demo)))
    verdicts = judge.judge_run(key.cells, run(task, Isolation()))
    assert {name: verdict.score for name, verdict in verdicts.items()} == {
        "sample_text_RNN_test": 5,
        "sample_text_GRU_test": 5,
        "get_perplex_rnn_test": 3,
        "get_perplex_gru_test": 3,
    }


def test_empty_answers_earn_nothing_on_any_cell(demo: Demo) -> None:
    course, key = demo.course, load_key(demo.course.key(NAME), NAME)
    listed = read_mistakes(course.mistakes(NAME), source_of(demo)).empty
    assert "(prompt * N)[:N]" in {answer.returns for answer in listed}
    stub = runs.student_task(course.assignment(NAME), key.template, {})
    tried = {"the stub": stub} | {
        what: runs.student_task(course.assignment(NAME), key.template, answers, known={})
        for what, answers in empty_answers(source_of(demo), listed).items()
    }
    shown = {what: runs.kept_run(task, course.key(NAME) / "runs") for what, task in tried.items()}
    assert all(shown.values()), "the build has kept them"
    for what, one in shown.items():
        whole = runs.with_rest(one, shown["the stub"])
        scores = [v.score for v in judge.judge_run(key.cells, whole).values()]
        assert scores == [0, 0, 0, 0], what


def test_the_audit_catches_and_names_enough(demo: Demo) -> None:
    alternates = demo.course.root / "tests" / "alternates"
    shutil.copytree(ROOT / "tests" / "alternates", alternates, dirs_exist_ok=True)
    words = ("audit", "--kept", "--mutants", "--sample", "1", NAME)
    done = lmlib(*words, cwd=demo.course.root)
    numbers = re.fullmatch(
        r"audit: mistakes (\d+)/(\d+) caught, (\d+) named; alternates (\d+)/(\d+) kept; "
        r"mutants (\d+)/(\d+) killed, \d+ equivalent",
        done.stdout.splitlines()[-1],
    )
    assert numbers and done.returncode == 0, done.stdout
    caught, mistakes, named, kept, tried, killed, mutants = map(int, numbers.groups())
    assert killed == mutants > 0
    assert caught == mistakes >= 18 and named >= 0.9 * mistakes
    assert kept == tried >= 12


def test_nbgrader_autograde_gives_the_same_scores(demo: Demo, tmp_path: Path) -> None:
    course = find_course(shutil.copytree(demo.course.root, tmp_path / "copy"))
    by_lmlib = scores(course)
    shutil.rmtree(course.root / "autograded")
    (course.root / "gradebook.db").unlink()
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for words in (["generate_assignment", NAME, "--force"], ["autograde", NAME]):
        subprocess.run(
            [sys.executable, "-m", "nbgrader", *words],
            cwd=course.root, capture_output=True, check=False, env=environment,
        )  # fmt: skip
    by_nbgrader = scores(course)
    broken = {name for name, row in rows(demo.printed).items() if "broken" in row}
    readable = set(by_lmlib) - broken
    assert len(readable) == 11
    assert {s: by_nbgrader[s] for s in readable} == {s: by_lmlib[s] for s in readable}


def scores(course: Course) -> dict[str, dict[str, float | None]]:
    """Automatic scores by student and grade cell, from nbgrader's own tables."""
    with Gradebook(course.gradebook_url) as gradebook:
        return {
            submission.student.id: {
                grade.name: grade.auto_score
                for notebook in submission.notebooks
                for grade in notebook.grades
            }
            for submission in gradebook.assignment_submissions(NAME)
        }


def test_what_students_write_in_is_what_is_graded(demo: Demo) -> None:
    """The autograded notebook of a right student holds their code in the template's places."""
    (student,) = [name for name, row in rows(demo.printed).items() if "everything right" in row]
    graded = read_notebook(demo.course.autograded_notebook(student, NAME))
    source = source_of(demo)
    first, *rest = graded.cells
    assert first.id == "install_library"
    assert [c.id for c in rest] == [c.id for c in source.cells]
    for mine, theirs in zip(source.cells, rest, strict=True):
        if is_solution(mine):
            assert theirs.source == solution_text(mine.source)
        if is_test(mine):
            assert theirs.outputs[-1].data["text/plain"] == f"{mine.metadata.nbgrader.points}"
    json.dumps(graded)
