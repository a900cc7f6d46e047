"""`nbjudge demo`: an invented class, from release to feedback, in a separate folder."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from nbjudge.authoring.mistakes import Mistake, read_mistakes, solutions_of, with_mistake
from nbjudge.core.course import Course, find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import write_text
from nbjudge.core.gradebook_place import CONFIG, is_default
from nbjudge.core.notebooks import grade_id, is_answer, is_solution, notebook_text, read_notebook

MARKER = ".nbjudge-demo"
"""A file that marks a folder as a demo's, so that the next demo may replace it."""

COPIED = ("course.toml", CONFIG, "source", "mistakes")

OWN_GRADEBOOK = """
# Added by `nbjudge demo`, whose invented students belong in no real gradebook:
get_config().CourseDirectory.db_url = "sqlite:///gradebook.db"  # noqa: F821
"""

NAMES = (
    "ada alan barbara claude donald edsger frances grace hedy ivan john katherine "
    "leslie margaret niklaus olga paul radia shafi tim"
).split()


@dataclass(frozen=True)
class Invented:
    """One invented student: a name, a description of the file, and its text."""

    student: str
    handed_in: str
    text: str


def prepare(course: Course, folder: Path) -> Course:
    """A copy of the course in `folder`, without releases, keys or submissions.

    Raises CourseError if `folder` holds something that was not made by a demo.
    """
    if folder.exists():
        if any(folder.iterdir()) and not (folder / MARKER).exists():
            raise CourseError(f"{folder} is not a demo's folder; name another one with --folder.")
        for entry in folder.iterdir():  # the marker stays, should this be interrupted
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != MARKER:
                entry.unlink()
    write_text(folder / MARKER, "Made by `nbjudge demo`, which also replaces it.\n")
    for name in COPIED:
        original = course.root / name
        if original.is_dir():
            shutil.copytree(original, folder / name)
        elif original.exists():
            shutil.copy(original, folder / name)
    if not is_default(course.root, course.gradebook_place):
        config = course.gradebook_place.masked_in((folder / CONFIG).read_text(encoding="utf-8"))
        write_text(folder / CONFIG, config + OWN_GRADEBOOK)
    return find_course(folder)


def invent_class(course: Course, assignment: str, students: int) -> list[Invented]:
    """Submissions of the released `assignment` by `students` invented students.

    Some are right, some partly right, most contain one known mistake, one is blank, and one is a
    broken file.
    """
    source = read_notebook(course.source(assignment))
    mistakes = read_mistakes(course.mistakes(assignment), source).mistakes
    kinds = islice(cycle(_kinds(source, _spread(mistakes))), students)
    invented = []
    for number, (handed_in, answers, damage) in enumerate(kinds):
        released = read_notebook(course.release(assignment))
        text = damage(notebook_text(_filled(released, answers)))
        invented.append(Invented(_name(number), handed_in, text))
    return invented


def _name(number: int) -> str:
    turn, place = divmod(number, len(NAMES))
    return NAMES[place] + (str(turn + 1) if turn else "")


Kind = tuple[str, dict[str, str], Callable[[str], str]]


def _kinds(source: NotebookNode, mistakes: list[Mistake]) -> list[Kind]:
    """The kinds of submissions: a description, the answers, and what happened to the file."""

    def whole(text: str) -> str:
        return text

    right = solutions_of(source)
    code = [grade_id(cell) for cell in source.cells if is_solution(cell)]
    partly = {name: text for name, text in right.items() if name != code[-1]}
    kinds: Iterator[Kind] = ((m.id, with_mistake(source, m), whole) for m in mistakes)
    return [
        ("everything right", right, whole),
        *islice(kinds, 3),
        ("right, last exercise blank", partly, whole),
        *islice(kinds, 2),
        ("right, with cells of their own", right, _with_scratch_cells),
        ("blank", {}, whole),
        *islice(kinds, 2),
        ("a broken file", right, lambda text: text[: len(text) // 2]),
        *kinds,
    ]


def _spread(mistakes: tuple[Mistake, ...]) -> list[Mistake]:
    """`mistakes` in turn from each solution cell, so that a small class shows all exercises."""
    cells = list(dict.fromkeys(mistake.cell for mistake in mistakes))
    queues = [[m for m in mistakes if m.cell == cell] for cell in cells]
    longest = max(map(len, queues), default=0)
    return [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]


def _filled(release: NotebookNode, answers: dict[str, str]) -> NotebookNode:
    """The released notebook with a student's code in it, and text in its written answers."""
    for cell in release.cells:
        if answers and is_answer(cell):
            cell.source = "An invented student's answer, for a person to read and to grade."
        if is_solution(cell) and (name := grade_id(cell)) in answers:
            cell.source = answers[name]
    return release


def _with_scratch_cells(text: str) -> str:
    """The notebook with leftover cells of a student: a print, a warning, an error."""
    notebook = json.loads(text)
    scratch = ["print('testing', len(weights))", "import warnings\nwarnings.warn('hm')", "1 / 0"]
    notebook["cells"] += [new_code_cell(source) for source in scratch]
    return json.dumps(notebook)


def hand_in(course: Course, assignment: str, invented: list[Invented]) -> None:
    """Put the invented submissions into submitted/, as if they had been collected."""
    for one in invented:
        write_text(course.submitted(one.student, assignment) / f"{assignment}.ipynb", one.text)
