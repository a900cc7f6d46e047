"""The protocol of an LMS: each knows its own files, and a new one is a class and an entry."""

import csv
import re
import zipfile

import lms_class
import pytest
from lms_class import CLASS
from small_course import NAME, answered

from nbjudge import cli
from nbjudge.core.notebooks import notebook_text
from nbjudge.core.tables import read_table
from nbjudge.gradebook.students import known_students
from nbjudge.lms.base import Lms
from nbjudge.lms.canvas import Canvas
from nbjudge.lms.collected import submissions
from nbjudge.lms.columns import Columns
from nbjudge.lms.downloads import Found, read_download
from nbjudge.lms.registry import (
    LMSS,
    lms_of_download,
    lms_of_grade_file,
    lms_of_roster,
)

RIGHT = "def scaled(values, factor):\n    return factor * values"


def plain_roster(path):
    rows = [["first_name", "last_name", "email"]]
    return lms_class.write_rows(path, rows + [[*p.name.split(" ", 1), p.email] for p in CLASS])


def plain_folder(path, files):
    return lms_class.write_zip(path, {f"{who}/tiny.ipynb": text for who, text in files.items()})


def canvas_download(path, files):
    by_login = {pupil.login: pupil for pupil in CLASS}
    named = {lms_class.canvas_name(by_login[who], "tiny.ipynb"): files[who] for who in files}
    return lms_class.write_zip(path, named)


def moodle_download(path, files):
    by_login = {pupil.login: pupil for pupil in CLASS}
    named = {lms_class.moodle_name(by_login[who], "tiny.ipynb"): files[who] for who in files}
    return lms_class.write_zip(path, named)


def named_by(name):
    """A download whose files are named by this function of a student."""

    def make(path, files):
        by_login = {pupil.login: pupil for pupil in CLASS}
        return lms_class.write_zip(path, {name(by_login[who]): files[who] for who in files})

    return make


ROSTERS = {
    "brightspace": lambda path: lms_class.brightspace_grades(path, "Tiny", "5"),
    "blackboard": lambda path: lms_class.blackboard_grades(path, "Tiny", "5"),
    "sakai": lambda path: lms_class.sakai_grades(path, "Tiny"),
    "canvas": lambda path: lms_class.canvas_gradebook(path, "Tiny", "5"),
    "moodle": lms_class.moodle_participants,
    "gradescope": lms_class.gradescope_roster,
    "plain": plain_roster,
}
DOWNLOADS = {
    "brightspace": named_by(lambda p: f"{lms_class.brightspace_folder(p)}/tiny.ipynb"),
    "blackboard": named_by(lambda p: lms_class.blackboard_name(p, "tiny.ipynb")),
    "sakai": named_by(lambda p: f"{lms_class.sakai_folder(p)}/Submission attachment(s)/t.ipynb"),
    "canvas": canvas_download,
    "moodle": moodle_download,
    "gradescope": lms_class.gradescope_export,
    "plain": plain_folder,
}
GRADE_FILES = {
    "brightspace": lambda path: lms_class.brightspace_grades(path, "Tiny", "5"),
    "blackboard": lambda path: lms_class.blackboard_grades(path, "Tiny", "5"),
    "sakai": lambda path: lms_class.sakai_grades(path, "Tiny"),
    "canvas": lambda path: lms_class.canvas_gradebook(path, "Tiny", "5"),
    "moodle": lambda path: lms_class.moodle_worksheet(path, "5", {}),
    "plain": plain_roster,
}


@pytest.mark.parametrize("name", ROSTERS)
def test_a_roster_is_known_by_its_headings(tmp_path, name):
    table = read_table(ROSTERS[name](tmp_path / "roster.csv"))
    assert lms_of_roster(table).name == name
    assert len(LMSS[name].people(table)) == len(CLASS)


@pytest.mark.parametrize("name", DOWNLOADS)
def test_a_download_is_known_by_its_names(tmp_path, name):
    files = read_download(DOWNLOADS[name](tmp_path / "download.zip", {"ada": "a", "wei": "w"}))
    assert lms_of_download(files).name == name


@pytest.mark.parametrize("name", GRADE_FILES)
def test_a_file_for_grades_is_known_by_its_headings(tmp_path, name):
    assert lms_of_grade_file(read_table(GRADE_FILES[name](tmp_path / "g.csv"))).name == name


def test_the_tests_know_every_lms():
    assert ROSTERS.keys() == DOWNLOADS.keys() == LMSS.keys()


def test_an_lms_that_lacks_a_part_cannot_be_defined():
    with pytest.raises(TypeError, match="Nameless has no name and no title and no rosters"):

        class Nameless(Lms):
            def is_roster(self, table):
                return False

            def is_download(self, files):
                return False

            def parse_name(self, file, path, zone):
                return None

    class Unfinished(Lms):
        name, title, rosters, columns = "unfinished", "Unfinished", "nothing", Columns()

    with pytest.raises(TypeError, match="abstract"):
        Unfinished()


def test_a_download_that_needs_no_worksheet_says_so(course, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(course.root)
    download = canvas_download(tmp_path / "canvas.zip", {"ada": "a"})
    sheet = lms_class.moodle_worksheet(tmp_path / "sheet.csv", "5", {})
    assert cli.main(["collect", NAME, str(download), "--worksheet", str(sheet)]) == 1
    assert "A download from Canvas needs no worksheet." in capsys.readouterr().err


def test_another_lms_than_gradescope_has_no_list(course, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(course.root)
    download = canvas_download(tmp_path / "canvas.zip", {"ada": "a"})
    assert cli.main(["collect", NAME, str(download), "--lms", "gradescope"]) == 1
    assert "has a submission_metadata.yml, and this one has none" in capsys.readouterr().err


class Slate(Lms):
    """An invented LMS: the names of a download begin with a login and the number of an attempt."""

    name = "slate"
    title = "Slate"
    rosters = "Slate's class list"
    columns = Columns(first=("given",), last=("family",), login=("slate login",))

    def is_roster(self, table):
        return self.columns.has(table, "login", "name")

    def is_download(self, files):
        return any(file.path.startswith("slate/") for file in files)

    def parse_name(self, file, path, zone):
        match = re.fullmatch(r"slate/((\w+)\$(\d)\$)(.+)", path)
        return match and Found(file, match[4], group=match[1], student=match[2], attempt=match[3])

    def heading_names(self, heading):
        return {heading.partition(" / ")[0]}

    def stated_maximum(self, table, column):
        return table.rows[0][column].partition(" / ")[2]

    def feedback_name(self, path, assignment):
        return path.rpartition("$")[0] + f"$feedback to {assignment}.html"


@pytest.fixture
def with_slate(monkeypatch):
    """The registry with Slate entered before `plain`, as its author would."""
    before = dict(LMSS)
    LMSS.clear()
    LMSS.update({"slate": Slate(), **before})
    yield
    LMSS.clear()
    LMSS.update(before)


def test_a_new_lms_is_a_class_and_an_entry(course, with_slate, tmp_path, monkeypatch, capsys):
    """From the roster to the pages that go back, by the commands that all of them share."""
    monkeypatch.chdir(course.root)
    rows = [["slate login", "Given", "Family", "Tiny / 5"]]
    rows += [["ada", "Ada", "Lovelace", ""], ["wei", "Wei", "Zhang", ""]]
    lms_class.write_rows(course.root / "class.csv", rows)
    assert cli.main(["roster", "class.csv"]) == 0
    assert [person.student for person in known_students(course)] == ["ada", "wei"]
    text = notebook_text(answered(course, scaled=RIGHT))
    lms_class.write_zip(
        course.root / "s.zip",
        {
            "slate/ada$2$my tiny.ipynb": text,
            "slate/ada$1$tiny.ipynb": "her first attempt",
            "slate/what is this": "?",
        },
    )
    assert cli.main(["collect", NAME, "s.zip"]) == 1
    assert "the name is not one that Slate gives" in capsys.readouterr().err
    first, second = submissions(course, "ada", NAME)
    assert (first.folder / "tiny.ipynb").read_text() == "her first attempt"
    assert (second.folder / "my tiny.ipynb").read_text() == text
    assert cli.main(["collect", NAME, "s.zip", "--lms", "slate"]) == 1
    assert len(submissions(course, "ada", NAME)) == 2
    assert cli.main(["grade", NAME, "--student", "ada"]) == 0
    command = ["grades", NAME, "--into", "class.csv", "--out", "up.csv", "--so-far"]
    assert cli.main(command) == 0, capsys.readouterr().err
    with (course.root / "up.csv").open(newline="") as file:
        assert [row[3] for row in csv.reader(file)] == ["Tiny / 5", "4", ""]
    lms_class.write_rows(course.root / "class.csv", [[*rows[0][:3], "Tiny / 20"], *rows[1:]])
    assert cli.main(command) == 1
    assert "expects grades out of 20 points" in capsys.readouterr().err
    assert cli.main(["feedback", NAME]) == cli.main(["return", NAME]) == 0
    with zipfile.ZipFile(course.root / "feedback.zip") as archive:
        assert archive.namelist() == [f"slate/ada$2$feedback to {NAME}.html"]


def test_rows_of_nobody_are_told_from_rows_of_students(tmp_path):
    table = read_table(lms_class.canvas_gradebook(tmp_path / "c.csv", "Tiny", "5"))
    keys = Canvas().keys(table)
    assert keys[:2] == [None, None] and keys[2].lms_id == CLASS[0].lms_id


def test_an_lms_that_nobody_knows_is_no_choice(capsys):
    with pytest.raises(SystemExit):
        cli.main(["collect", NAME, "--lms", "slate"])
    assert "'slate' is not among" in capsys.readouterr().err
