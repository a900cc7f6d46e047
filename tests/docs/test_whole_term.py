"""docs/whole_term.md, followed from the roster to the next term, with points counted by hand."""

import csv
import re
import shlex
import shutil
from pathlib import Path

import pytest

from nbjudge import cli
from nbjudge.core.course import Course, find_course
from nbjudge.core.notebooks import notebook_text, read_notebook
from nbjudge.gradebook.connection import open_gradebook
from nbjudge.judge.answer_key import load_key
from tests.docs.pages import FENCE, ROOT
from tests.nbjudge import lms_class, small_course
from tests.nbjudge.small_course import cell_named

PAGE = ROOT / "docs" / "whole_term.md"
SETS = {"ps1_rnn_sampling": "tiny", "ps2_numpy_transformer": "tiny2", "ps3_architectures": "tiny3"}
RIGHT = "def scaled(values, factor):\n    return factor * values"
ADDED = "def scaled(values, factor):\n    return values + factor"
IN_PLACE = "def scaled(values, factor):\n    values *= factor\n    return values"
BLANK: dict[str, str] = {}

PUPILS = {pupil.login: pupil for pupil in lms_class.CLASS}
HANDED_IN: dict[str, dict[str, dict[str, str]]] = {
    "tiny": {
        "ada": {"scaled": RIGHT},
        "alan": {"scaled": ADDED},
        "zak": {"scaled": RIGHT},
        "wei": {"scaled": RIGHT},
        "vint": BLANK,
    },
    "tiny2": {who: {"scaled": RIGHT} for who in ("ada", "alan", "mueller", "zak", "wei")}
    | {"vint": BLANK},
    "tiny3": {
        "ada": {"scaled": RIGHT},
        "alan": {"scaled": IN_PLACE},
        "mueller": {"scaled": RIGHT},
        "zak": {"scaled": RIGHT},
        "vint": BLANK,
    },
}
LATE = ("tiny2", "mueller")  # by two days, of which one is free

TOTALS = {
    "ada": 100,
    "alan": 100 * (20 * 4 / 5 + 30) / 50,  # 3 points of a person's; the third set is dropped
    "mueller": 100 * (30 * 0.9 + 50) / 80,  # nothing for the first set, which is dropped
    "zak": 100,
    "wei": 100,  # nothing for the third set, which is dropped
    "vint": 0,
    "grace": 0,  # on the roster, and never seen
}


def tiny_names(text: str) -> str:
    for name, tiny in SETS.items():
        text = text.replace(name, tiny)
    return text


def write_sources(folder: Path) -> None:
    """Three problem sets that are all the tiny one, and the settings that nbgrader needs."""
    small_course.write_course(folder)
    notebook = notebook_text(small_course.tiny_notebook())
    for name in SETS.values():
        (folder / "source" / name).mkdir(exist_ok=True)
        (folder / "source" / name / f"{name}.ipynb").write_text(notebook)
        mistakes = folder / "mistakes" / f"{name}.toml"
        mistakes.write_text(small_course.MISTAKES)


def download(course: Course, name: str, path: Path, broken: str = "") -> None:
    """Canvas's zip of what the class has handed in; the file of `broken` is cut off."""
    files: dict[str, str | bytes] = {}
    for who, answers in HANDED_IN[name].items():
        notebook = read_notebook(course.release(name))
        for cell, source in answers.items():
            cell_named(notebook, cell).source = source
        if answers:
            cell_named(notebook, "answer_task").source = "Because."
        text = notebook_text(notebook)
        file = lms_class.canvas_name(PUPILS[who], f"{name}.ipynb", (name, who) == LATE)
        files[file] = text[:200] if who == broken else text
    lms_class.write_zip(path, files)


class People:
    """What people do between the commands of the page, by the command that they do it before."""

    def __init__(self, course: Course) -> None:
        self.course = course

    def before(self, words: list[str]) -> None:
        match words:
            case ["return", "tiny", *_]:
                self.grade_the_first_set()
            case ["collect", "tiny2", "submissions-2.zip"]:
                self.resolve("tiny")
            case ["correct", "tiny2", *_]:
                self.give_five_points()
            case ["grades" | "blanks", *_]:
                for name in SETS.values():
                    self.read_answers(name)

    def read_answers(self, name: str) -> None:
        """Give a point for every answer that is written."""
        with open_gradebook(self.course) as gradebook:
            for who, answers in HANDED_IN[name].items():
                if answers and self.course.autograded_notebook(who, name).is_file():
                    grade = gradebook.find_grade("task", name, name, who)
                    grade.manual_score, grade.needs_manual_grade = 1.0, False
            gradebook.db.commit()

    def grade_the_first_set(self) -> None:
        self.read_answers("tiny")
        with open_gradebook(self.course) as gradebook:
            grade = gradebook.find_grade("scaled_test", "tiny", "tiny", "alan")
            grade.manual_score, grade.needs_manual_grade = 3.0, False
            gradebook.db.commit()

    def resolve(self, name: str) -> None:
        """Keep the points that wait for a second look, as the formgrader's button does."""
        with open_gradebook(self.course) as gradebook:
            grade = gradebook.find_grade("scaled_test", name, name, "alan")
            assert (grade.manual_score, grade.needs_manual_grade) == (3.0, True)
            grade.needs_manual_grade = False
            gradebook.db.commit()

    def give_five_points(self) -> None:
        notebook = read_notebook(self.course.source("tiny2"))
        cell_named(notebook, "scaled_test").metadata.nbgrader.points = 5
        self.course.source("tiny2").write_text(notebook_text(notebook))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "course"
    write_sources(folder)
    (folder / "course.toml").unlink()
    lms_class.canvas_gradebook(folder / "gradebook.csv", "Recurrent networks, by hand", "5")
    (folder / "requests.csv").write_text("student,cell,why\nalan,scaled_test,I had the idea\n")
    monkeypatch.chdir(folder)
    return folder


def test_a_whole_term(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people = None
    for language, _, block in FENCE.findall(tiny_names(PAGE.read_text(encoding="utf-8"))):
        if language == "toml":
            with (folder / "course.toml").open("a") as settings:
                settings.write(f"\n{block}")
            people = People(find_course(folder))
            continue
        for line in block.splitlines():
            assert people is not None, "the rules come first"
            words = shlex.split(line)[1:]
            people.before(words)
            is_asking = words[-1] == "submissions-2.zip"
            assert cli.main(words) == int(is_asking), line
            after(people.course, words, capsys.readouterr().out)


def after(course: Course, words: list[str], said: str) -> None:
    """Check what a command has done, and put there what comes next from the LMS."""
    root = course.root
    match words:
        case ["build", *_] if not (root.parent / "2026-autumn.zip").exists():
            for number, name in enumerate(SETS.values(), 1):
                download(course, name, root / f"submissions-{number}.zip", broken="zak")
            download(course, "tiny", root / "submissions-1b.zip")
            for number in (2, 3):
                download(course, f"tiny{number}", root / f"submissions-{number}.zip")
            shutil.copytree(root / "key", root.parent / "old keys")
        case ["blanks", *_]:
            assert "1 blank answers now have 0 points" in said
        case ["grades", "tiny", *_]:
            grades = {row[3]: row[5] for row in lms_class.read_rows(root / "upload.csv")[3:]}
            assert grades["alan"] == "4" and grades["vint"] == "0" and grades["mueller"] == ""
        case ["regrade", *_]:
            (answer,) = csv.DictReader((root / "answers.csv").open())
            assert (answer["points before"], answer["points after"]) == ("3", "3")
            assert "a person gave 3, which counts" in answer["answer"]
        case ["grade", "tiny2"]:
            assert re.search(r"mueller.*[45] / [45]", said)
        case ["grades", "--out", _]:
            check_totals(root)
        case ["history", *_]:
            check_history(root)
        case ["build", *_]:
            check_new_term(course)


def check_totals(root: Path) -> None:
    rows = list(csv.DictReader((root / "grades.csv").open()))
    totals = {row["student"]: row for row in rows if row["assignment"] == "total"}
    assert len(totals) == 30 and {row["maximum"] for row in totals.values()} == {"100"}
    for student, points in TOTALS.items():
        assert float(totals[student]["points"]) == pytest.approx(points, abs=0.005), student
    assert "tiny3 is dropped" in totals["alan"]["status"]
    (late,) = [r for r in rows if (r["assignment"], r["student"]) == LATE]
    assert (late["points"], late["late_penalty"], late["maximum"]) == ("5.4", "0.6", "6")


def check_history(root: Path) -> None:
    rows = list(csv.DictReader((root / "history.csv").open()))
    alan = [row for row in rows if (row["student"], row["cell"]) == ("alan", "scaled_test")]
    told = [(row["assignment"], row["score"], row["before"], row["after"]) for row in alan]
    assert told == [
        ("tiny", "machine", "", "0"),
        ("tiny", "person", "", "3"),
        ("tiny2", "machine", "", "4"),
        ("tiny2", "machine", "4", "5"),
        ("tiny3", "machine", "", "2"),
    ]


def check_new_term(course: Course) -> None:
    assert not list(course.root.glob("submitted/*")) and not list(course.root.glob("collected/*"))
    assert find_course(course.root).term.name == "2027 spring"
    keys = (course.key("tiny"), course.root.parent / "old keys" / "tiny")
    new, old = (load_key(folder, "tiny").cells[0].expectations for folder in keys)
    assert all(one.value != other.value for one, other in zip(new, old, strict=True))
