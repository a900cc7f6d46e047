"""The autograder in Gradescope's container: grades one submission with the same engine and judge.

    /autograder/source          packed by `nbjudge gradescope`: settings, release, answer key
    /autograder/submission      a student's submission
    /autograder/results         results.json, written here by root once the student's code is gone

The key is on the machine that runs the student's code. So this code runs in the sandbox or, if
the container forbids one, as another user who cannot read the key; and not at all if neither is
possible.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

import nbjudge
from nbjudge.core.course import Assignment, find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import write_text
from nbjudge.core.notebooks import (
    grade_id,
    is_solution,
    is_task,
    nbgrader_metadata,
    readable,
    worth,
)
from nbjudge.judge import submission
from nbjudge.judge.answer_key import AnswerKey, key_for_grading
from nbjudge.judge.intake import Unreadable
from nbjudge.judge.verdicts import Record, Verdict, attached
from nbjudge.sandbox import bubblewrap, other_user
from nbjudge.sandbox.isolation import Isolation

SETTINGS = "autograder.json"
COURSE = "course"
WHO = "student"
Results = dict[str, Any]


def main(root: Path) -> int:
    """Grade the submission below `root` and write its results.json; 0 unless that is refused."""
    began = time.monotonic()
    place = root / "results" / "results.json"
    try:
        results = grade(root)
    except CourseError as error:
        results = refusal(str(error))
    except Exception as error:  # its type only: a message may quote hidden tests
        results = refusal(f"The autograder itself failed ({type(error).__name__}).")
    results["execution_time"] = round(time.monotonic() - began)
    write_text(place, json.dumps(results, ensure_ascii=False, indent=1) + "\n")
    print(results["output"])
    return 0 if "score" in results else 1


def grade(root: Path) -> Results:
    """The results for the submission below `root`.

    Raises CourseError if it must not or cannot be graded here.
    """
    source = root / "source"
    settings = json.loads((source / SETTINGS).read_text(encoding="utf-8"))
    course = find_course(source / COURSE)
    assignment = course.assignment(settings["assignment"])
    key = key_for_grading(course, assignment.name)
    isolation = protect(root)
    folder = find_submission(root / "submission")
    if reason := _unreadable(assignment, key, folder):
        return not_gradable(reason)
    record = attached(submission.grade_folder(assignment, key, WHO, folder, isolation))
    assert record is not None, "grade_folder attaches a record"
    if record.status == "failed":
        raise CourseError(f"This submission was not graded: {record.reason}.")
    return graded(record, key.template, settings["show"])


def protect(root: Path) -> Isolation:
    """Close everything of the grader's to others; how the student's code is then to run.

    Raises CourseError if this machine can neither make a sandbox nor run it as another user.
    """
    closed = [root / "source", root / "results"]
    metadata = root / "submission_metadata.json"  # earlier results are in it
    if os.name == "posix" and os.getuid() == 0:
        root.chmod(0o755)
        for folder in closed:
            folder.chmod(0o700)
        if metadata.exists():
            metadata.chmod(0o600)
            closed.append(metadata)
    why_no_sandbox = bubblewrap.why_not()
    if why_no_sandbox is None:
        return Isolation("bwrap")
    kept = [root, Path(sys.prefix), Path(sys.executable), Path(nbjudge.__file__).parent]
    if reason := other_user.why_not(closed, kept):
        raise CourseError(
            "No submission is graded here, because the answer key could not be kept from it: "
            f"{why_no_sandbox}, and {reason}."
        )
    return Isolation("user")


def find_submission(folder: Path) -> Path:
    """The folder of the notebook: `folder`, or the only one below it that has notebooks."""
    if any(folder.glob("*.ipynb")):
        return folder
    below = {path.parent for path in folder.rglob("*.ipynb")}
    plain = [one for one in below if not _is_clutter(one.relative_to(folder))]
    return plain[0] if len(plain) == 1 else folder


def _is_clutter(path: Path) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _unreadable(assignment: Assignment, key: AnswerKey, folder: Path) -> str:
    """Why nobody can grade what is in `folder`; empty if somebody can."""
    found = submission.read(assignment, WHO, folder)
    if found.unreadable:
        return found.unreadable
    try:
        submission.assemble_one(assignment, key, found.notebooks)
    except Unreadable as error:
        return str(error)
    return ""


# ---- results.json


def graded(record: Record, template: NotebookNode, show: str) -> Results:
    """The results of a graded submission: a test for each exercise, in the notebook's order."""
    verdicts = {verdict.grade_id: verdict for verdict in record.verdicts}
    points = sum(verdict.points for verdict in record.verdicts if not verdict.is_extra)
    output = f"The machine can give {points:g} points here."  # no score: this may be shown earlier
    if any(map(_is_by_people, template.cells)):
        output += " Written answers are graded by people and not included."
    notes = "\n".join(record.notes) or "The notebook was read."
    return {
        "score": sum(verdict.score for verdict in record.verdicts),
        "output": output,
        "output_format": "text",
        "visibility": show,
        "stdout_visibility": "hidden",
        "tests": [_first(notes, "passed"), *_tests(template, verdicts)],
        "extra_data": {
            "nbjudge": {
                "status": record.status,
                "submission": record.submission,
                "key": record.key,
                "engine": record.engine,
            }
        },
    }


def _tests(template: NotebookNode, verdicts: dict[str, Verdict]) -> Iterator[Results]:
    for cell in template.cells:
        name = grade_id(cell) or ""
        if name in verdicts:
            yield _exercise(verdicts[name])
        elif _is_by_people(cell):
            output = f"{worth(cell):g} points, which people give; the machine does not grade this."
            yield {"name": readable(name, True), "output": output, "output_format": "text"}


def machine_points(key: AnswerKey) -> float:
    """The points that the machine gives, extra credit apart."""
    return sum(cell.points for cell in key.cells if not cell.is_extra)


def questions_by_people(key: AnswerKey) -> list[tuple[str, float]]:
    """Name and points of what people grade."""
    cells = [cell for cell in key.template.cells if _is_by_people(cell)]
    return [(readable(grade_id(cell) or "", True), worth(cell)) for cell in cells]


def _is_by_people(cell: NotebookNode) -> bool:
    return is_task(cell) or (is_solution(cell) and bool(nbgrader_metadata(cell).get("grade")))


def _exercise(verdict: Verdict) -> Results:
    name = readable(verdict.grade_id, False)
    return {
        "name": f"{name} (extra credit)" if verdict.is_extra else name,
        "score": verdict.score,
        "max_score": 0 if verdict.is_extra else verdict.points,
        "status": "passed" if verdict.score >= verdict.points else "failed",
        "output": "\n".join(verdict.words),
        "output_format": "text",
    }


def _first(output: str, status: str) -> Results:
    """The test that a student always sees: whether the file could be read."""
    return {
        "name": "Your file",
        "status": status,
        "output": output,
        "output_format": "text",
        "visibility": "visible",
    }


def not_gradable(reason: str) -> Results:
    """The results of a submission that cannot be read: no zero without its reason.

    Gradescope wants a number before it shows a student anything.
    """
    output = (
        f"This submission could not be graded: {reason}. Its 0 points are no grade: hand it in "
        "again, or ask your instructors."
    )
    return {
        "score": 0,
        "output": output,
        "output_format": "text",
        "stdout_visibility": "hidden",
        "tests": [_first(output, "failed")],
        "extra_data": {"nbjudge": {"status": "failed", "reason": reason}},
    }


def refusal(sentence: str) -> Results:
    """Results without a score, if nothing was graded: Gradescope then shows an error."""
    return {
        "output": f"{sentence} There is no score; your instructors have to look at this.",
        "output_format": "text",
        "stdout_visibility": "hidden",
        "extra_data": {"nbjudge": {"status": "refused", "reason": sentence}},
    }


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
