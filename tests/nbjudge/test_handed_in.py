"""What students hand in, from the download to the notebook that runs: each file or a reason."""

import contextlib
import ctypes
import io
import json
import os
import resource
import shutil
import stat
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import lms_class
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lms_class import CLASS
from nbformat.v4 import new_code_cell
from small_course import COURSE, NAME, cell_named, tiny_notebook, write_course

from nbjudge import cli
from nbjudge.authoring import release_steps
from nbjudge.core.course import Assignment, Course, find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.limits import Limits
from nbjudge.core.notebooks import notebook_text
from nbjudge.core.tables import read_table
from nbjudge.gradebook import students
from nbjudge.judge import answer_key, submission
from nbjudge.judge.intake import Notebook, Unreadable
from nbjudge.judge.verdicts import attached
from nbjudge.lms.collect import collect
from nbjudge.lms.collected import submissions
from nbjudge.lms.roster import read_roster
from nbjudge.sandbox.isolation import Isolation
from nbjudge.shared import imports

ANSWER = "def scaled(values, factor):\n    return factor * values"
BY_LOGIN = {pupil.login: pupil for pupil in CLASS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny course, not built, with the class in its gradebook."""
    course = write_course(tmp_path_factory.mktemp("handed in") / "course")
    roster = lms_class.gradescope_roster(course.root / "roster.csv")
    students.enter(course, read_roster(read_table(roster)))
    return course.root


@pytest.fixture
def course(folder: Path, tmp_path: Path) -> Course:
    (tmp_path / "course").mkdir()
    for name in ("course.toml", "nbgrader_config.py", "gradebook.db"):
        (tmp_path / "course" / name).write_bytes((folder / name).read_bytes())
    return find_course(tmp_path / "course")


@pytest.fixture(scope="module")
def key(folder: Path) -> answer_key.AnswerKey:
    template, _ = release_steps.template_and_release(find_course(folder), NAME, tiny_notebook())
    return answer_key.AnswerKey(NAME, "", "", "", (), template)


@pytest.fixture(scope="module")
def untouched(folder: Path) -> str:
    _, release = release_steps.template_and_release(find_course(folder), NAME, tiny_notebook())
    return notebook_text(release)


@pytest.fixture(scope="module")
def finished(untouched: str) -> str:
    return answered(untouched, ANSWER)


def answered(text: str, source: str) -> str:
    notebook = json.loads(text)
    next(cell for cell in notebook["cells"] if cell["id"] == "scaled")["source"] = source
    return json.dumps(notebook)


# ---- which of several notebooks


def graded(key, **texts):
    """What is graded of notebooks with these names and texts."""
    notebooks = tuple(Notebook(f"{name}.ipynb", text) for name, text in texts.items())
    return submission.assemble_one(SETTINGS, key, notebooks)


SETTINGS = Assignment(NAME, "Tiny", ("numpy", "lmlib"))


@pytest.mark.parametrize("untouched_first", [True, False])
def test_of_two_notebooks_the_one_with_work_in_it_is_graded(
    key, untouched, finished, untouched_first
):
    texts = {"tiny": untouched, "tiny-1": finished}
    texts = texts if untouched_first else dict(reversed(texts.items()))
    made = graded(key, **texts)
    assert cell_named(made.notebook, "scaled").source == ANSWER
    assert "tiny-1.ipynb was graded, because it is the only one with work in it" in made.notes[0]


def test_of_two_notebooks_with_different_work_none_is_guessed(key, finished, untouched):
    other = answered(untouched, "def scaled(values, factor):\n    return 0")
    with pytest.raises(Unreadable, match="2 notebooks with different work in them, tiny"):
        graded(key, tiny=finished, copy=other)


def test_two_copies_and_no_work_at_all_are_graded_and_told(key, untouched, finished):
    assert "all hold the same work" in graded(key, tiny=finished, copy=finished).notes[0]
    assert "none has work in it" in graded(key, tiny=untouched, copy=untouched).notes[0]


def test_another_notebook_of_the_students_is_set_aside(key, finished):
    other = json.dumps({"cells": [new_code_cell("plot()")], "metadata": {}})
    made = graded(key, scratch=other, tiny=finished)
    assert cell_named(made.notebook, "scaled").source == ANSWER
    assert "tiny.ipynb was graded" in made.notes[0]
    assert "tiny.ipynb was graded" in graded(key, tiny=finished, settings="{}").notes[0]
    with pytest.raises(Unreadable, match="no cell of this assignment"):
        graded(key, scratch=other, more=other)


def test_a_notebook_that_cannot_be_read_may_be_the_one_that_counts(key, finished):
    notebooks = (Notebook("tiny.ipynb", finished), Notebook("tiny-1.ipynb", "{"))
    with pytest.raises(Unreadable, match="not all can be read: the notebook is not valid JSON"):
        submission.assemble_one(SETTINGS, key, notebooks)


def test_work_is_also_an_own_cell_and_a_written_answer(key, untouched):
    for place, source in (("answer_task", "Because."), ("scaled_check", None)):
        notebook = json.loads(untouched)
        cells = notebook["cells"]
        if source is None:
            cells.insert(3, new_code_cell("x = 1"))
        else:
            next(cell for cell in cells if cell["id"] == place)["source"] = source
        made = graded(key, tiny=untouched, other=json.dumps(notebook))
        assert "other.ipynb was graded" in made.notes[0]


# ---- what is there instead of a notebook


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("tiny.ipynb.txt", "{}", "but tiny.ipynb.txt: rename it to tiny.ipynb and submit it"),
        ("tiny.ipynb.json", "{}", "but tiny.ipynb.json: rename it to tiny.ipynb and submit it"),
        ("tiny.ipynb (1)", "{}", "but tiny.ipynb (1): rename it to tiny.ipynb and submit it"),
        ("tiny.zip", b"PK", "but the archive tiny.zip: submit the notebook itself, tiny.ipynb"),
        ("tiny.ipynb.zip", b"PK", "but the archive tiny.ipynb.zip: submit the notebook itself"),
        ("tiny.html", "<html>", "but the web page tiny.html: submit the notebook itself"),
        ("tiny.pdf", "%PDF", "but the document tiny.pdf: submit the notebook itself"),
        ("tiny.py", "1", "but the program tiny.py: submit the notebook itself"),
        ("work/tiny.ipynb", "{}", "but one in its folder work: submit the notebook without"),
        ("collected.json", "{}", "there is no notebook in the submission"),
        ("tiny.ipynb", "<!DOCTYPE html>\n<html>", "the file is a web page, not a notebook"),
        ("tiny.ipynb", '{"cells": [\n<<<<<<< HEAD\n', "git's conflict markers"),
        ("tiny.ipynb", b"PK\x03\x04\x81\x8d", "is a zip archive: submit the notebook that is in"),
        ("tiny.ipynb", "PK\x03\x04", "is a zip archive: submit the notebook that is in it"),
        ("tiny.ipynb", "%PDF-1.7", "is a PDF, not a notebook"),
        ("tiny.ipynb", "version https://git-lfs.github.com/spec/v1\n", "Git LFS's pointer"),
        ("tiny.ipynb", "", "the notebook is empty"),
        ("tiny.ipynb", b"\0" * 100, "the notebook is empty"),
        ("tiny.ipynb", b"\x81\x8d", "is not text"),
    ],
)
def test_the_reason_says_what_a_file_is_and_what_to_do(tmp_path, key, name, content, reason):
    path = tmp_path / "in" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = submission.read(SETTINGS, "ada", tmp_path / "in")
    try:
        assert found.unreadable or submission.assemble_one(SETTINGS, key, found.notebooks)
    except Unreadable as error:
        assert reason in str(error)
    else:
        assert reason in found.unreadable


def test_an_ending_in_capitals_is_a_notebook(tmp_path, finished):
    (tmp_path / "TINY.IPYNB").write_text(finished)
    (one,) = submission.read(SETTINGS, "ada", tmp_path).notebooks
    assert one.text == finished


def test_what_to_do_about_a_large_file_depends_on_the_file(tmp_path, finished):
    (tmp_path / "tiny.ipynb").write_text(finished)
    path = tmp_path / "predictions.npz"
    settings = Assignment(NAME, "Tiny", (), ("predictions.npz",), Limits(submission_mb=1))
    path.write_bytes(b"\0" * 1_000_001)
    said = submission.read(settings, "ada", tmp_path).unreadable
    assert said == "predictions.npz is larger than 1 MB; submit a smaller one"
    path.unlink()
    (tmp_path / "tiny.ipynb").write_text(finished + " " * 1_000_000)
    said = submission.read(settings, "ada", tmp_path).unreadable
    assert said == "tiny.ipynb is larger than 1 MB; clear its outputs and submit it again"


# ---- what is too much


def test_a_cell_above_the_limit_costs_itself_only_and_quickly(key, untouched):
    notebook = json.loads(answered(untouched, ANSWER))
    notebook["cells"].insert(3, new_code_cell(f"table = [{'1.2345, ' * 500_000}]"))
    settings = Assignment(NAME, "Tiny", (), limits=Limits(code_characters=100_000_000))
    began = time.process_time()
    made = submission.assemble(settings, key, json.dumps(notebook))
    assert time.process_time() - began < 3  # of 15, and of two gigabytes
    assert cell_named(made.notebook, "scaled").source == ANSWER
    assert made.notes == ("A cell has more than 200,000 characters of code: it was not run.",)
    assert made.notebook.cells[3].source.startswith("raise RuntimeError('A cell has more than")


@pytest.mark.parametrize("command", ["%time x = 1", "!echo 1", "  %time x = 1", "print?"])
def test_hundreds_of_commands_are_read_in_no_time(key, untouched, command):
    block = "if True:\n" if command.startswith(" ") else "import math\n"
    notebook = json.loads(answered(untouched, ANSWER))
    notebook["cells"].insert(3, new_code_cell(block + f"{command}\n" * 600))
    began = time.process_time()
    made = submission.assemble(SETTINGS, key, json.dumps(notebook))
    assert time.process_time() - began < 5
    assert cell_named(made.notebook, "scaled").source == ANSWER


def test_imports_behind_commands_are_still_found():
    cell = "import numpy\n" + "%time x = 1\n" * 600 + "for i in x:\n    %time import torch\n"
    assert imports.foreign_imports(cell, ("numpy",)) == [(603, "torch")]


def test_a_command_goes_on_after_a_backslash_and_later_lines_keep_their_numbers():
    cell = "!echo a \\\n  b\n%time x = \\\n  1\nimport torch\n"
    translated = imports.python(cell).split("\n")
    assert "system('echo a    b')" in translated[0] and translated[1] == translated[3] == ""
    assert "'x =    1'" in translated[2]
    assert imports.foreign_imports(cell, ()) == [(5, "torch")]


@pytest.mark.parametrize(
    "cell", ["%a\\\n" * 40_000, "".join(f"%a{n}\\\n\n" for n in range(15_000)), "%a\n" * 60_000]
)
def test_ipython_reads_a_cell_of_commands_only_once_more_than_it_is_long(monkeypatch, cell):
    read = []
    translate = imports._by_ipython

    def counted(text):
        read.append(len(text))
        return translate(text)

    monkeypatch.setattr(imports, "_by_ipython", counted)
    imports.foreign_imports(f"{cell}import torch", ())
    assert sum(read) <= 2 * len(cell)


# ---- damaged files, and folders that cannot be read


def canvas(path, **contents):
    """A zip of Canvas's; the content of each student's file, by login."""
    files = {
        lms_class.canvas_name(BY_LOGIN[login], name): content
        for login, (name, content) in contents.items()
    }
    return lms_class.write_zip(path, files)


def packed(kind=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        archive.writestr("tiny.ipynb", "{" + "x" * 100)
    return bytearray(file.getvalue())


def with_offset(offset):
    """A zip whose only member is said to be somewhere else."""
    data = packed()
    place = data.index(b"PK\x01\x02") + 42
    data[place : place + 4] = offset.to_bytes(4, "little")
    return bytes(data)


def bomb():
    """A zip that says 10 bytes and holds 200 MB."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("tiny.ipynb", b"\0" * 200_000_000)
    data = bytearray(file.getvalue())
    for place in (data.index(b"PK\x03\x04") + 22, data.index(b"PK\x01\x02") + 24):
        data[place : place + 4] = (10).to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize(
    "damaged",
    [
        bytes(packed(zipfile.ZIP_LZMA)),
        bytes(packed(zipfile.ZIP_LZMA)).replace(b"\x5d\x00", b"\xff\xff"),
        with_offset(0xFFFFFFF0),
        with_offset(20),
        bytes(packed())[:-10],
        bytes(packed())[10:],
        bytes(packed()).replace(b"PK\x01\x02", b"PK\x01\x03"),
    ],
)
def test_a_damaged_zip_is_that_students_failure_only(course, tmp_path, damaged, finished):
    path = canvas(tmp_path / "c.zip", zoe=("tiny.zip", damaged), ada=("tiny.ipynb", finished))
    outcomes = {one.who: one.what for one in collect(course, NAME, path)}
    assert outcomes["zoe"] == outcomes["ada"] == "collected"
    read = {
        student: submission.read(SETTINGS, student, course.submitted(student, NAME))
        for student in ("zoe", "ada")
    }
    assert "the archive tiny.zip: submit the notebook itself" in read["zoe"].unreadable
    assert read["ada"].notebooks[0].text == finished


def test_a_zip_that_lies_about_its_size_is_not_unpacked(course, tmp_path):
    path = canvas(tmp_path / "c.zip", zoe=("tiny.zip", bomb()))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    collect(course, NAME, path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KB
    assert submission.read(SETTINGS, "zoe", course.submitted("zoe", NAME)).unreadable


def test_a_file_above_the_limit_is_kept_as_a_reason(course, tmp_path):
    (course.root / "course.toml").write_text(COURSE + "limits.submission_mb = 1\n")
    course = find_course(course.root)
    path = canvas(tmp_path / "c.zip", zoe=("tiny.ipynb", "x" * 1_000_001))
    (problem,) = [one for one in collect(course, NAME, path) if one.is_problem]
    reason = "tiny.ipynb is larger than 1 MB; clear its outputs and submit it again"
    assert (problem.what, problem.detail) == ("not read", reason)
    found = submission.read(course.assignment(NAME), "zoe", course.submitted("zoe", NAME))
    assert found.unreadable == reason
    collect(course, NAME, path)
    assert len(submissions(course, "zoe", NAME)) == 1


@pytest.mark.parametrize("name", ["語" * 200 + ".ipynb", "a" * 300 + ".ipynb", "not_kept.json"])
def test_no_name_of_a_file_stops_the_others(course, tmp_path, name):
    path = canvas(tmp_path / "c.zip", ada=(name, "{}"), zoe=("tiny.ipynb", "{}"))
    outcomes = {one.who: one.what for one in collect(course, NAME, path)}
    assert outcomes["ada"] == outcomes["zoe"] == "collected"
    (kept,) = [p for p in course.submitted("ada", NAME).iterdir() if p.name != "collected.json"]
    assert kept.name != "not_kept.json"


def file_shapes():
    """Contents of a file: any bytes, a zip with some bytes changed, JSON of any shape."""
    changes = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4)
    zips = st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
    values = st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
        max_leaves=20,
    )
    return st.one_of(
        st.binary(max_size=200),
        st.builds(changed, zips, changes),
        st.builds(lambda value: json.dumps(value).encode(), values),
        st.builds(notebook_of, st.lists(st.dictionaries(KEYS, values, max_size=5), max_size=5)),
    )


KEYS = st.sampled_from(["cells", "metadata", "source", "cell_type", "id", "nbgrader", "grade_id",
                        "nbjudge", "worksheets", "assignment"])  # fmt: skip


def changed(kind, changes):
    data = packed(kind)
    for place, value in changes:
        data[place % len(data)] = value
    return bytes(data)


def notebook_of(cells):
    made = [{"cell_type": "code", "id": "scaled", "source": ""} | cell for cell in cells]
    return json.dumps({"cells": made, "metadata": {}}).encode()


NAMES = st.one_of(
    st.sampled_from(["tiny.ipynb", "tiny-1.ipynb", "tiny.zip", "TINY.IPYNB", "not_kept.json",
                     "timestamp.txt", "collected.json", "tiny.ipynb.txt"]),
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1,
            max_size=90),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.dictionaries(NAMES, file_shapes(), min_size=1, max_size=3))
def test_whatever_is_inside_ends_as_a_run_or_a_reason(folder, key, finished, files):
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "course"
        root.mkdir()
        for name in ("course.toml", "nbgrader_config.py", "gradebook.db"):
            shutil.copy(folder / name, root)
        course = find_course(root)
        theirs = {
            lms_class.canvas_name(BY_LOGIN["zoe"], name): data for name, data in files.items()
        }
        good = {lms_class.canvas_name(BY_LOGIN["ada"], "tiny.ipynb"): finished}
        path = lms_class.write_zip(Path(place) / "c.zip", {**theirs, **good})
        outcomes = {one.who: one.what for one in collect(course, NAME, path)}
        assert outcomes["ada"] == "collected" and "zoe" in outcomes
        assert collect(course, NAME, path)[-1].what in ("nothing submitted", "unchanged")
        found = submission.read(SETTINGS, "zoe", course.submitted("zoe", NAME))
        if not found.unreadable:
            with contextlib.suppress(Unreadable):
                assert submission.assemble_one(SETTINGS, key, found.notebooks).notebook.cells


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


@contextlib.contextmanager
def ordinary_rights() -> Iterator[None]:
    """Permissions of files count, for root as well."""
    if os.geteuid():
        yield
        return
    libc, header = ctypes.CDLL(None, use_errno=True), _Header(0x20080522, 0)
    before = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; of 64 bits
    assert libc.capget(ctypes.byref(header), before) == 0
    without = (ctypes.c_uint32 * 6)(before[0] & ~0b110, *before[1:])  # the two that read all
    assert libc.capset(ctypes.byref(header), without) == 0
    try:
        yield
    finally:
        assert libc.capset(ctypes.byref(header), before) == 0


@contextlib.contextmanager
def closed(path: Path) -> Iterator[None]:
    """Nobody may read or enter `path`."""
    mode = stat.S_IMODE(path.stat().st_mode)
    path.chmod(0)
    try:
        with ordinary_rights():
            yield
    finally:
        path.chmod(mode)


@pytest.mark.parametrize("level", ["ada", f"ada/{NAME}"])
def test_a_folder_that_cannot_be_read_is_a_failed_record(course, key, finished, level):
    for student in ("ada", "zoe"):
        place = course.submitted(student, NAME)
        place.mkdir(parents=True)
        (place / "tiny.ipynb").write_text(finished)
    with closed(course.root / "submitted" / level):
        assert course.students(NAME) == ["ada", "zoe"]
        executed = submission.grade_folder(
            SETTINGS, key, "ada", course.submitted("ada", NAME), Isolation("none")
        )
        outcomes = {one.who: one for one in collect(course, NAME)}
        assert outcomes.get("ada") is None or outcomes["ada"].what != "nothing submitted"
    record = attached(executed)
    assert record.status == "failed" and record.is_final
    assert record.reason == "the submission's folder cannot be read (Permission denied)"


def test_an_unreadable_folder_in_a_download_is_told(course, tmp_path, finished):
    for login in ("ada", "zoe"):
        (tmp_path / "in" / login).mkdir(parents=True)
        (tmp_path / "in" / login / "tiny.ipynb").write_text(finished)
    with closed(tmp_path / "in" / "ada"):
        outcomes = collect(course, NAME, tmp_path / "in")
    assert {one.who: one.what for one in outcomes if one.is_problem} == {"ada/all": "not read"}
    found = submission.read(SETTINGS, "ada", course.submitted("ada", NAME))
    assert "cannot be opened (Permission denied)" in found.unreadable
    assert (course.submitted("zoe", NAME) / "tiny.ipynb").read_text() == finished


# ---- two attempts in one download


def test_a_pattern_never_makes_one_submission_of_two_attempts(course, tmp_path):
    files = {"a/ada/tiny.ipynb": "old", "b/ada/tiny.ipynb": "new", "b/zoe/tiny.ipynb": "z"}
    path = lms_class.write_zip(tmp_path / "o.zip", files)
    outcomes = collect(course, NAME, path, pattern=r".+/(?P<student>\w+)/.+")
    problems = [one for one in outcomes if one.is_problem]
    assert [one.who for one in problems] == ["a/ada/tiny.ipynb", "b/ada/tiny.ipynb"]
    assert all("needs a group `attempt` or `time`" in one.detail for one in problems)
    assert not course.submitted("ada", NAME).exists()
    assert (course.submitted("zoe", NAME) / "tiny.ipynb").read_text() == "z"


def test_times_that_nobody_knows_order_no_attempts(course, tmp_path):
    files = {f"2026-10-14 2{n}:00 CEST/ada/t{n}.ipynb": "x" for n in (0, 1)}
    path = lms_class.write_zip(tmp_path / "o.zip", files)
    outcomes = collect(course, NAME, path, pattern="(?P<time>.+)/(?P<student>.+)/(?P<name>.+)")
    problems = [one.detail for one in outcomes if one.is_problem]
    assert len(problems) == 2 and "nothing says which is newer" in problems[0]
    assert not course.submitted("ada", NAME).exists()


@pytest.mark.parametrize(
    ("names", "group"),
    [
        (("9/ada/tiny.ipynb", "10/ada/tiny.ipynb"), r"(?P<attempt>\d+)"),
        (("2026-10-14 21:00 +0200/ada/t.ipynb", "2026-10-14 20:00 Z/ada/t.ipynb"), "(?P<time>.+)"),
    ],
)
def test_a_pattern_tells_attempts_apart(course, tmp_path, names, group):
    files = dict(zip(names, ("old", "new"), strict=True))
    path = lms_class.write_zip(tmp_path / "o.zip", files)
    collect(course, NAME, path, pattern=group + r"/(?P<student>\w+)/(?P<name>.+)")
    (kept,) = course.submitted("ada", NAME).glob("*.ipynb")
    assert kept.read_text() == "new" and len(submissions(course, "ada", NAME)) == 2


def test_a_group_that_a_pattern_cannot_have_is_named(course, tmp_path):
    path = lms_class.write_zip(tmp_path / "o.zip", {"ada.ipynb": "x"})
    with pytest.raises(CourseError, match="unknown group 'studnt'; there are student, email"):
        collect(course, NAME, path, pattern=r"(?P<person>.+)(?P<studnt>.*)\.ipynb")


def test_what_was_replaced_and_comes_back_counts_again(course, tmp_path):
    def of_canvas(number, text):
        name = f"lovelaceada_{BY_LOGIN['ada'].lms_id}_{number}_tiny.ipynb"
        return lms_class.write_zip(tmp_path / f"{number}.zip", {name: text})

    for number, text in ((1, "first"), (2, "second"), (3, "first")):
        collect(course, NAME, of_canvas(number, text))
    place = course.submitted("ada", NAME) / "tiny.ipynb"
    assert place.read_text() == "first" and len(submissions(course, "ada", NAME)) == 3
    collect(course, NAME, of_canvas(2, "second"))  # an old download again
    assert place.read_text() == "first" and len(submissions(course, "ada", NAME)) == 3


# ---- exceptions of nobody


@pytest.mark.parametrize("command", [["collect", NAME], ["grades", NAME, "--out", "g.csv"],
                                     ["roster", "roster.csv"]])  # fmt: skip
def test_an_exception_for_nobody_is_told(course, monkeypatch, capsys, command):
    monkeypatch.chdir(course.root)
    lms_class.gradescope_roster(course.root / "roster.csv")
    path = course.root / "course.toml"
    rules = "due = 2026-10-15T23:59:00+02:00\n"
    rules += "".join(
        f"[[exception]]\nstudent = '{student}'\nassignment = 'tiny'\ndays = 2\n"
        for student in ("ada", "muller")
    )
    path.write_text(COURSE + rules)
    assert cli.main(command) == 0
    assert [line for line in capsys.readouterr().err.splitlines() if "warning" in line] == [
        "nbjudge: warning: course.toml has an [[exception]] for 'muller', tiny, who is not in the "
        "gradebook; did you mean 'mueller'?"
    ]
