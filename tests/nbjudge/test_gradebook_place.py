"""Where the gradebook is: nbgrader_config.py says it, and what cannot be is one sentence."""

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy
from nbgrader.coursedir import CourseDirectory
from small_course import NAME, write_course

from nbjudge import cli
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.gradebook_place import parsed, place_of
from nbjudge.gradebook.nbgrader_config import load_config
from nbjudge.gradebook.rows import has_gradebook

PLAIN = "from nbjudge.plugins import nbgrader\nc = get_config()\nnbgrader.wire(c)\n{}\n"
RUN = "import os\nc = get_config()\nfor _ in range(1):\n    {}\n"


def with_setting(root: Path, line: str, form: str = PLAIN) -> Path:
    (root / "nbgrader_config.py").write_text(form.format(line))
    return root


@pytest.mark.parametrize("form", [PLAIN, RUN], ids=["read", "run"])
@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////srv/a course/grades.db", "/srv/a course/grades.db"),
        ("sqlite:///grades.db", "{root}/grades.db"),
        ("sqlite+pysqlite:///grades.db", "{root}/grades.db"),
    ],
)
def test_a_setting_names_the_file_and_relative_paths_start_at_the_course(tmp_path, form, url, path):
    found = place_of(with_setting(tmp_path, f'c.CourseDirectory.db_url = "{url}"', form))
    assert str(found.path) == path.format(root=tmp_path)
    assert found.url == f"sqlite:///{found.path}"


def test_without_a_setting_it_is_in_the_folder_of_the_course(tmp_path):
    assert place_of(tmp_path).path == tmp_path / "gradebook.db"
    with_setting(tmp_path, 'c.CourseDirectory.course_id = "x"')
    assert place_of(tmp_path).path == tmp_path / "gradebook.db"
    with_setting(tmp_path, "pass", RUN)
    assert place_of(tmp_path).path == tmp_path / "gradebook.db"


def test_an_archive_has_its_own_wherever_it_was_during_the_term(tmp_path):
    with_setting(tmp_path, 'c.CourseDirectory.db_url = "postgresql://u:p@host/x"')
    (tmp_path / "archive.json").write_text("{}")
    assert place_of(tmp_path).path == tmp_path / "gradebook.db"


def test_nbgrader_itself_is_given_the_same_place(tmp_path, monkeypatch):
    course = write_course(tmp_path / "course")
    with (course.root / "nbgrader_config.py").open("a") as file:
        file.write('c.CourseDirectory.db_url = "sqlite:///there.db"\n')
    monkeypatch.chdir(tmp_path)
    directory = CourseDirectory(config=load_config(course))
    assert directory.db_url == course.gradebook_url == f"sqlite:///{course.root / 'there.db'}"


def test_a_setting_from_the_environment_is_read_as_nbgrader_reads_it(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADEBOOK", "postgresql+psycopg://u:p%40ss@db.example.org:5433/course")
    with_setting(tmp_path, 'c.CourseDirectory.db_url = os.environ["GRADEBOOK"]', RUN)
    found = place_of(tmp_path)
    assert found.shown == "postgresql://u@db.example.org:5433/course"
    assert found.url == "postgresql+psycopg://u:p%40ss@db.example.org:5433/course"
    assert sqlalchemy.make_url(found.url).password == "p@ss"
    assert "p%40ss" not in repr(found)
    assert found.without_password("what p@ss and p%40ss are") == "what *** and *** are"


def test_plain_settings_are_read_without_importing_nbgrader(tmp_path):
    course = write_course(tmp_path / "course")
    program = (
        "import sys; from pathlib import Path; from nbjudge.core.gradebook_place import place_of; "
        "print(place_of(Path(sys.argv[1])).path, 'nbgrader' in sys.modules)"
    )
    words = [sys.executable, "-c", program, str(course.root)]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert told == f"{course.root / 'gradebook.db'} False\n"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('c.CourseDirectory.db_url = "mysql://u:secret@host/x"', "is the URL of one of mysql"),
        ('c.CourseDirectory.db_url = "gradebook.db"', "is the URL of none"),
        ('c.CourseDirectory.db_url = "sqlite://"', "must name a file"),
        ('c.CourseDirectory.db_url = "sqlite:///:memory:"', "must name a file"),
        (
            'c.CourseDirectory.db_url = "postgresql://u@h/x?password=secret"',
            "leave it to the file",
        ),
        ('c.CourseDirectory.db_url = "postgresql://u:se@cret@h/x"', "with %40 for an @"),
        ("c.CourseDirectory.db_url = 3", "must be text"),
        ("c.CourseDirectory.db_url = ", "cannot be read: SyntaxError"),
        ("1 / 0", "cannot be read: ZeroDivisionError"),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path, line, sentence):
    with pytest.raises(CourseError, match=sentence) as refused:
        place_of(with_setting(tmp_path, line))
    assert "secret" not in str(refused.value) and "cret@" not in str(refused.value)


def test_a_missing_driver_is_named_with_its_package(tmp_path, monkeypatch, capsys):
    course = write_course(tmp_path / "course")
    with (course.root / "nbgrader_config.py").open("a") as file:
        file.write('c.CourseDirectory.db_url = "postgresql+psycopg://u:secret@nowhere.invalid/x"\n')
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(CourseError, match=r'pip install "psycopg\[binary\]"'):
        has_gradebook(find_course(course.root))
    for command in (["build"], ["grades", NAME, "--out", str(tmp_path / "grades.csv")]):
        assert cli.main(["--course", str(course.root), *command]) == 1
        told = capsys.readouterr().err
        assert told.splitlines()[-1].startswith("nbjudge: The gradebook is in PostgreSQL, and this")
        assert "u:secret" not in told and "Traceback" not in told


def test_a_moved_gradebook_leaves_none_in_the_folder(course):
    (course.root / "gradebook.db").rename(course.root.parent / "moved.db")
    with (course.root / "nbgrader_config.py").open("a") as file:
        file.write('c.CourseDirectory.db_url = "sqlite:///../moved.db"\n')
    moved = find_course(course.root)
    roster = course.root.parent / "class.csv"
    roster.write_text("Student,ID,SIS Login ID\nAda L,1,ada\n")
    for command in (["roster", str(roster)], ["history", NAME, "--out", str(roster) + ".out"]):
        assert cli.main(["--course", str(course.root), *command]) == 0
    assert has_gradebook(moved) and not (course.root / "gradebook.db").exists()
    assert parsed("sqlite:///../moved.db", course.root) == moved.gradebook_place
