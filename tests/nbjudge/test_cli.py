"""The command line: exit codes, one clear sentence for every bad input, and nothing lost."""

import importlib
import json
import os
import shutil
import subprocess
import sys

import pytest
from small_course import MISTAKES, NAME, answered, hand_in, write_course

from nbjudge import __version__, cli
from nbjudge.authoring import demo
from nbjudge.cli.words import GROUPS, parser
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError

TINY = "[[assignment]]\nname = 'a'\ntitle = 'A'\n"
RIGHT = "def scaled(values, factor):\n    return factor * values"


def nbjudge(course, *words):
    return cli.main(["--course", str(course.root), *words])


def said(capsys):
    """What the command said on stderr, which is never a traceback."""
    text = capsys.readouterr().err
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize(
    "words", [[], ["fly"], ["grade"], ["build", "--jobs", "0"], ["build", "-x"]]
)
def test_words_that_are_off_exit_with_2(words):
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    assert stopped.value.code == 2


COMMANDS = (
    "roster build audit handout collect grade watch blanks feedback return grades report explain "
    "regrade history correct gradescope archive new-term demo"
).split()


@pytest.mark.parametrize("words", [["-h"], *([command, "-h"] for command in COMMANDS)])
def test_help_is_everywhere(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    assert stopped.value.code == 0 and "usage: nbjudge" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["graed", "ps1"], "nbjudge: There is no command 'graed'; did you mean 'grade'?"),
        (["fly"], "nbjudge: There is no command 'fly'; `nbjudge -h` lists them all."),
        (
            ["--cours", "x", "build"],
            "nbjudge: There is no option '--cours'; did you mean '--course'?",
        ),
        (
            ["grade", "ps1", "--studnt", "ada"],
            "nbjudge grade: There is no option '--studnt'; did you mean '--student'?",
        ),
        (
            ["grade", "--forse=1"],
            "nbjudge grade: There is no option '--forse'; did you mean '--force'?",
        ),
        (
            ["grade", "ps1", "-x"],
            "nbjudge grade: There is no option '-x'; `nbjudge grade -h` lists them all.",
        ),
        (
            ["collect", "ps1", "--lms", "moodel"],
            "nbjudge collect: --lms: 'moodel' is not among gradescope, sakai, brightspace, "
            "blackboard, moodle, canvas, plain; did you mean 'moodle'?",
        ),
        (
            ["collect", "ps1", "a.zip", "b.zip"],
            "nbjudge collect: 'b.zip' is one word too many; `nbjudge collect -h` shows what is "
            "expected.",
        ),
        (
            ["grade"],
            "nbjudge grade: the following arguments are required: PS; `nbjudge grade -h` shows how "
            "it is used.",
        ),
    ],
)
def test_a_usage_error_is_one_sentence(words, sentence, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    assert stopped.value.code == 2
    assert said(capsys) == f"{sentence}\n"


def test_an_option_after_two_hyphens_is_an_operand():
    options = parser().parse_args(["grade", "--", "--odd-name"])
    assert options.assignments == ["--odd-name"]


@pytest.mark.parametrize("command", [one for group in GROUPS.values() for one in group])
def test_the_example_of_a_command_can_be_run(command, capsys):
    program, *words = command.example.split()
    options = parser().parse_args(words)
    module, _, function = options.run.partition(":")
    assert program == "nbjudge" and options.command == command.name
    assert callable(getattr(importlib.import_module(f"nbjudge.cli.{module}"), function))
    with pytest.raises(SystemExit):
        cli.main([command.name, "-h"])
    assert command.example in capsys.readouterr().out


def test_the_help_lists_the_commands_in_the_order_of_work(capsys):
    with pytest.raises(SystemExit):
        cli.main(["-h"])
    shown = capsys.readouterr().out
    places = [shown.index(f"\n  {name} ") for name in COMMANDS]
    titles = [shown.index(f"\n{title}:\n") for title in GROUPS]
    assert places == sorted(places) and titles == sorted(titles)


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"nbjudge {__version__}\n"


def imported(program, folder):
    """The packages, and the rooms of nbjudge, that a Python program has imported at its end."""
    program += "\nimport sys; print('\\n' + ' '.join(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    modules = done.stderr.splitlines()[-1].split()
    rooms = {".".join(name.split(".")[:2]) for name in modules if name.startswith("nbjudge.")}
    return {name.partition(".")[0] for name in modules} | rooms


HEAVY = set(
    "nbgrader nbconvert jupyter_server sqlalchemy jupyter_client nbclient zmq pandas torch "
    "matplotlib jinja2 psutil multiprocessing".split()
)


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_help_imports_nothing_that_it_does_not_need(word, tmp_path):
    program = f"from nbjudge.cli import main\ntry: main([{word!r}])\nexcept SystemExit: pass"
    found = imported(program, tmp_path)
    assert not found & HEAVY
    assert not found & {"nbformat", "numpy", "rich", "IPython"}


def test_grading_with_nothing_to_do_imports_no_engine_and_starts_no_process(course, capsys):
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    hand_in(course, "bob", '{"cells": [')
    assert nbjudge(course, "grade", NAME) == 0
    table = capsys.readouterr().out
    program = f"from nbjudge.cli import main\nassert main(['grade', {NAME!r}]) == 0"
    found = imported(program, course.root)
    assert not found & HEAVY
    assert not found & {"IPython", "nbjudge.sandbox", "nbjudge.authoring", "nbjudge.pages"}
    assert nbjudge(course, "grade", NAME) == 0
    assert capsys.readouterr().out == table


def test_a_mistyped_assignment_or_student_is_guessed(course, capsys):
    hand_in(course, "ada", answered(course))
    for command in ("build", "grade", "watch", "feedback", "report", "audit", "return", "grades"):
        assert nbjudge(course, command, "tinny") == 1
        sentence = "There is no assignment 'tinny' in this course; did you mean 'tiny'?"
        assert said(capsys) == f"nbjudge: {sentence}\n"
    for command in ("grade", "feedback"):
        assert nbjudge(course, command, NAME, "--student", "adda") == 1
        assert "There is no submission of tiny by 'adda'; did you mean 'ada'?" in said(capsys)


def test_a_submission_goes_the_whole_way(course, capsys):
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    assert nbjudge(course, "build") == 0
    assert nbjudge(course, "grade", NAME) == 0
    assert "4 / 4" in capsys.readouterr().out
    assert nbjudge(course, "grade", NAME, "--json") == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record["student"] == "ada" and record["verdicts"][0]["score"] == 4
    assert nbjudge(course, "feedback", NAME) == 0
    assert (course.feedback("ada", NAME) / f"{NAME}.html").exists()
    assert nbjudge(course, "audit") == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "audit: mistakes 2/2 caught, 2 named; alternates 0/0 kept"


def test_an_audit_that_finds_something_exits_with_1(course, capsys):
    folder = course.alternates(NAME) / "scaled"
    folder.mkdir(parents=True)
    (folder / "wrong.py").write_text("def scaled(values, factor):\n    return values")
    assert nbjudge(course, "audit", NAME) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("tiny: alternate scaled/wrong loses points in scaled_test")
    assert lines[-1] == "audit: mistakes 2/2 caught, 2 named; alternates 0/1 kept"


@pytest.mark.parametrize("command", ["build", "grade", "watch", "feedback", "report", "audit"])
def test_an_unknown_assignment(course, command, capsys):
    assert nbjudge(course, command, "ps9") == 1
    assert "There is no assignment 'ps9' in this course; it has: tiny." in said(capsys)


@pytest.mark.parametrize("command", ["grade", "feedback"])
def test_an_unknown_student(course, command, capsys):
    assert nbjudge(course, command, NAME, "--student", "nobody") == 1
    assert "There is no submission of tiny by 'nobody'." in said(capsys)


def test_a_folder_that_is_no_course(tmp_path, capsys):
    assert cli.main(["--course", str(tmp_path), "build"]) == 1
    assert "is not in a course folder" in said(capsys)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[assignment", "is not valid TOML"),
        ("title = 'x'", r"lists no \[\[assignment\]\]"),
        ("[[assignment]]\nname = 'a'", "a: it lacks the setting 'title'"),
        (
            "[[assignment]]\nname = 'a'\ntitle = 'A'\npackages = []\npoints = 3",
            "unknown setting 'points'",
        ),
        ("[assignment]\nname = 'a'", r"written as \[\[assignment\]\] tables"),
        ("assignment = 3", r"written as \[\[assignment\]\] tables"),
        (TINY + "packages = 'numpy'", "packages must be a list of texts"),
        (TINY + "packages = []\nfiles = 3", "files must be a list of texts"),
        (TINY + "packages = []\nlimits.cell_seconds = 'x'", "cell_seconds must be a number from 1"),
        ("[[assignment]]\nname = 1\ntitle = 'A'\npackages = []", "name must be text"),
    ],
)
def test_a_course_file_that_cannot_be_read(tmp_path, text, reason):
    (tmp_path / "course.toml").write_text(text)
    with pytest.raises(CourseError, match=reason):
        find_course(tmp_path)


@pytest.mark.parametrize("command", ["grade", "feedback", "audit"])
def test_no_release_yet(tmp_path, command, capsys):
    course = write_course(tmp_path)
    assert nbjudge(course, command, NAME) == 1
    assert "There is no release of tiny yet; run `nbjudge build tiny`." in said(capsys)


def test_nothing_graded_yet(course, capsys):
    hand_in(course, "ada", answered(course))
    for command in ("feedback", "report"):
        assert nbjudge(course, command, NAME) == 1
        assert "Nothing of tiny is graded yet; run `nbjudge grade tiny`." in said(capsys)


def test_a_key_of_another_release(course, capsys):
    path = course.release(NAME)
    path.write_text(path.read_text().replace("# Tiny", "# Tiny, edited by hand"))
    assert nbjudge(course, "grade", NAME) == 1
    assert "belongs to another release" in said(capsys)


def test_a_source_that_is_no_notebook(tmp_path, capsys):
    course = write_course(tmp_path)
    course.source(NAME).write_text("{")
    assert nbjudge(course, "build") == 1
    assert "tiny.ipynb is not a notebook" in said(capsys)


def test_a_mistake_that_does_not_fit(tmp_path, capsys):
    course = write_course(tmp_path, mistakes=MISTAKES.replace("values * factor", "no such line"))
    assert nbjudge(course, "build") == 1
    assert "the mistake added has a `find` that occurs 0 times" in said(capsys)


def test_a_submission_for_another_assignment_fails_and_the_batch_goes_on(course, capsys):
    other = answered(course, scaled=RIGHT)
    other.metadata["nbjudge"] = {"assignment": "ps9"}
    hand_in(course, "ada", other)
    hand_in(course, "bob", answered(course, scaled=RIGHT))
    assert nbjudge(course, "grade", NAME) == 0
    captured = capsys.readouterr()
    assert "the notebook is of the assignment ps9, not of tiny" in captured.err
    assert "4 / 4" in captured.out and "failed" in captured.out


def test_what_a_notebook_calls_itself_is_no_markup(course, capsys):
    for name in ("[/b]", "[red]", "ps9", "\u202e"):
        other = answered(course, scaled=RIGHT)
        other.metadata["nbjudge"] = {"assignment": name}
        hand_in(course, f"student {name}".replace("/", "_"), other)
    assert nbjudge(course, "grade", NAME) == 0
    captured = capsys.readouterr()
    assert captured.err.count("failed: the notebook is of") == 4
    assert "4 could not be graded and wait for a person" in captured.out
    assert nbjudge(course, "feedback", NAME) == 0


def test_one_damaged_file_keeps_nobody_elses_feedback(course, capsys):
    for name in ("ada", "bob"):
        hand_in(course, name, answered(course, scaled=RIGHT))
    assert nbjudge(course, "grade", NAME) == 0
    course.autograded_notebook("ada", NAME).write_text("{")
    assert nbjudge(course, "feedback", NAME) == 1
    assert "is not a notebook" in said(capsys)
    assert (course.feedback("bob", NAME) / f"{NAME}.html").exists()


def test_a_folder_that_is_not_there(tmp_path, capsys):
    (tmp_path / "course.toml").write_text("")
    assert cli.main(["--course", str(tmp_path / "nowhere"), "build"]) == 1
    assert "There is no folder" in said(capsys)


def test_an_interrupted_demo_can_be_run_again(course, tmp_path, monkeypatch):
    folder = tmp_path / "demo"
    demo.prepare(course, folder)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            demo.prepare(course, folder)
    assert demo.prepare(course, folder).assignments.keys() == {NAME}


def test_a_full_disk(course, capsys, monkeypatch):
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    assert nbjudge(course, "grade", NAME) == 0
    graded = course.autograded_notebook("ada", NAME)
    before = graded.read_bytes()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert nbjudge(course, "grade", NAME, "--force") == 1
    text = said(capsys)
    assert "could not be written (No space left on device)" in text and "unchanged" in text
    assert graded.read_bytes() == before
    assert sorted(graded.parent.iterdir()) == [graded]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_read_only_course(course, capsys):
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    course.root.chmod(0o555)
    try:
        assert nbjudge(course, "grade", NAME) == 1
    finally:
        course.root.chmod(0o755)
    assert said(capsys).startswith("nbjudge: ")


def test_a_gradebook_that_cannot_be_written(course, capsys, monkeypatch):
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    import sqlite3

    real = sqlite3.connect

    def read_only(place, *arguments, **settings):
        return real(f"file:{place}?mode=ro", *arguments, **{**settings, "uri": True})

    monkeypatch.setattr(sqlite3, "connect", read_only)
    monkeypatch.setattr(sqlite3.dbapi2, "connect", read_only)
    assert nbjudge(course, "grade", NAME) == 1
    assert "attempt to write a readonly database" in said(capsys)


def test_a_demo_never_replaces_what_is_not_a_demos(course, tmp_path, capsys):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    assert nbjudge(course, "demo", "--folder", str(mine)) == 1
    assert "is not a demo's folder" in said(capsys)
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_the_command_is_installed():
    shown = subprocess.run(
        [sys.executable, "-m", "nbjudge.cli", "-h"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Build, grade, and return" in shown.stdout
