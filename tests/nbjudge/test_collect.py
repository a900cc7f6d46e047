"""Collecting: who is who, what is kept, which submission counts."""

import io
import re
import shutil
import struct
import zipfile
from datetime import UTC, datetime

import lms_class
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lms_class import CLASS
from small_course import COURSE, NAME, ROOT, hand_in

from nbjudge import cli
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import NOT_KEPT
from nbjudge.core.tables import read_table
from nbjudge.core.times import read_timestamp
from nbjudge.gradebook import students
from nbjudge.gradebook.lateness import lateness
from nbjudge.lms import moodle
from nbjudge.lms.collect import collect
from nbjudge.lms.collected import submissions
from nbjudge.lms.downloads import File
from nbjudge.lms.registry import LMSS
from nbjudge.lms.roster import read_roster

DUE = "due = 2026-10-15T23:59:00+02:00\n"
BY_LOGIN = {pupil.login: pupil for pupil in CLASS}


@pytest.fixture
def enrolled(course, tmp_path):
    """The tiny course with the class of 30 in its gradebook."""
    path = lms_class.gradescope_roster(tmp_path / "roster.csv")
    students.enter(course, read_roster(read_table(path)))
    return course


def with_rules(course, text):
    (course.root / "course.toml").write_text(COURSE + text)
    return find_course(course.root)


def canvas(tmp_path, number=1, **texts):
    """A zip of Canvas's; a file for each login."""
    files = {
        lms_class.canvas_name(BY_LOGIN[login], f"{NAME}.ipynb"): text
        for login, text in texts.items()
    }
    return lms_class.write_zip(tmp_path / f"canvas-{number}.zip", files)


def what(outcomes):
    return {one.who: one.what for one in outcomes if one.what != "nothing submitted"}


def counts(course, student):
    return (course.submitted(student, NAME) / f"{NAME}.ipynb").read_text()


def test_canvas_tells_two_of_one_name_apart_by_id(enrolled, tmp_path):
    outcomes = collect(enrolled, NAME, canvas(tmp_path, schmidt1="one", schmidt2="two", jose="j"))
    assert what(outcomes) == dict.fromkeys(("jose", "schmidt1", "schmidt2"), "collected")
    assert (counts(enrolled, "schmidt1"), counts(enrolled, "schmidt2")) == ("one", "two")
    assert sum(one.what == "nothing submitted" for one in outcomes) == 27


def test_moodle_without_its_worksheet_does_not_guess(enrolled, tmp_path):
    files = {
        lms_class.moodle_name(BY_LOGIN[login], f"{NAME}.ipynb"): login
        for login in ("schmidt1", "schmidt2", "mueller")
    }
    path = lms_class.write_zip(tmp_path / "moodle.zip", files)
    outcomes = collect(enrolled, NAME, path)
    (one, two) = [one for one in outcomes if one.is_problem]
    assert "several students of this name: schmidt1 and schmidt2" in one.detail == two.detail
    assert counts(enrolled, "mueller") == "mueller"
    times = dict.fromkeys(
        ("schmidt1", "schmidt2", "mueller"), "Wednesday, 14 October 2026, 2:14 PM"
    )
    sheet = lms_class.moodle_worksheet(tmp_path / "sheet.csv", "5", times)
    outcomes = collect(enrolled, NAME, path, worksheet=sheet)
    assert what(outcomes) == {"schmidt1": "collected", "schmidt2": "collected",
                              "mueller": "unchanged"}  # fmt: skip
    assert counts(enrolled, "schmidt2") == "schmidt2"
    assert read_timestamp(enrolled.submitted("schmidt1", NAME), UTC).time.hour == 14


@pytest.mark.parametrize(
    "name",
    [
        "{name}_880001_assignsubmission_file/tiny.ipynb",
        "{name}_880001_assignsubmission_file_/tiny.ipynb",
        "{name}_880001_assignsubmission_file_tiny.ipynb",
        "download/{name}_880001_assignsubmission_file_/tiny.ipynb",
        "Group A-{name}_880001_assignsubmission_file_/tiny.ipynb",
    ],
)
def test_every_form_of_moodle(enrolled, tmp_path, name):
    decomposed = "Ju\u0308rgen Mu\u0308ller"  # as a Mac writes it
    path = lms_class.write_zip(
        tmp_path / "m.zip",
        {
            name.format(name=decomposed): "x",
            "A B_7_assignsubmission_onlinetext/onlinetext.html": "",
        },
    )
    assert what(collect(enrolled, NAME, path)) == {
        "mueller": "collected",
        "A B_7_assignsubmission_onlinetext/onlinetext.html": "not placed",
    }


def test_the_time_in_moodles_zip_is_that_of_the_download_and_costs_nobody_anything(
    enrolled, tmp_path
):
    course = with_rules(enrolled, DUE + "late_penalty = 0.1\n")
    path = lms_class.write_zip(  # written now, and so after the deadline
        tmp_path / "m.zip", {lms_class.moodle_name(BY_LOGIN["ada"], "tiny.ipynb"): "x"}
    )
    (problem,) = [one for one in collect(course, NAME, path) if one.is_problem]
    assert problem.detail == (
        "exact submission time unknown: give the worksheet with --worksheet, "
        "or its handed_in in an [[exception]]"
    )
    (one,) = submissions(course, "ada", NAME)
    assert one.time is None and lateness(course, "ada", NAME).days == 0
    sooner = with_rules(course, "due = 2999-10-15T23:59:00+02:00\nlate_penalty = 0.1\n")
    assert not [one for one in collect(sooner, NAME) if one.is_problem]


def test_gradescope_tells_times(enrolled, tmp_path):
    path = lms_class.gradescope_export(tmp_path / "g.zip", {"schmidt2": "s", "zoe": "z"})
    assert what(collect(enrolled, NAME, path)) == {"schmidt2": "collected", "zoe": "collected"}
    time = read_timestamp(enrolled.submitted("zoe", NAME), UTC).time
    assert time.isoformat() == "2026-10-14T18:42:03+00:00"


def test_rubys_times_are_read(enrolled, tmp_path):
    listing = (
        "submission_1:\n  :submitters:\n  - :email: zoe@example.org\n"
        "  :created_at: !ruby/object:ActiveSupport::TimeWithZone\n"
        "    utc: 2026-10-14 18:42:03 Z\n    zone: !ruby/object:ActiveSupport::TimeZone\n"
        "      name: Etc/UTC\n"
    )
    path = lms_class.write_zip(
        tmp_path / "g.zip", {"submission_metadata.yml": listing, "submission_1/a.ipynb": "z"}
    )
    collect(enrolled, NAME, path)
    assert read_timestamp(enrolled.submitted("zoe", NAME), UTC).time.minute == 42


def test_a_plain_folder_needs_no_roster(course, tmp_path):
    (tmp_path / "in" / "ada").mkdir(parents=True)
    (tmp_path / "in" / "ada" / "work.ipynb").write_text("a")
    (tmp_path / "in" / "bob.ipynb").write_text("b")
    (tmp_path / "in" / "notes.txt").write_text("n")
    outcomes = collect(course, NAME, tmp_path / "in")
    assert what(outcomes) == {"ada": "collected", "bob": "collected", "notes.txt": "not placed"}


def test_without_a_roster_nobody_is_invented(course, tmp_path):
    outcomes = collect(course, NAME, canvas(tmp_path, ada="x"))
    assert [one.detail for one in outcomes] == [
        "the gradebook has no students yet: import a roster with `nbjudge roster`"
    ]
    assert not (course.root / "submitted").exists()


@pytest.mark.parametrize("path", ["../x/tiny.ipynb", "/x/tiny.ipynb", "a\\..\\..\\tiny.ipynb"])
def test_nothing_is_written_outside_the_course(course, tmp_path, path):
    outcomes = collect(course, NAME, lms_class.write_zip(tmp_path / "z.zip", {path: "x"}))
    assert all(one.what == "not placed" or one.who == "a" for one in outcomes)
    assert not [found for found in tmp_path.rglob("*.ipynb") if course.root not in found.parents]
    assert {p.parent.parent for p in course.root.glob("submitted/**/*.ipynb")} <= {
        course.root / "submitted" / "a"
    }


def test_an_exception_that_names_no_submission_changes_nothing(enrolled, tmp_path):
    collect(enrolled, NAME, canvas(tmp_path, ada="x"))
    rules = "[[exception]]\nstudent = 'ada'\nassignment = 'tiny'\nattempt = 4\n"
    (problem,) = [one for one in collect(with_rules(enrolled, rules), NAME) if one.is_problem]
    assert (
        problem.detail == "course.toml names submission 4 of 1" and counts(enrolled, "ada") == "x"
    )


def test_a_stranger_is_named(enrolled, tmp_path):
    path = lms_class.write_zip(tmp_path / "c.zip", {"nobody_55_66_tiny.ipynb": "x"})
    (problem,) = [one for one in collect(enrolled, NAME, path) if one.is_problem]
    assert problem.detail == "no student in the roster is nobody"


def test_every_submission_stays(enrolled, tmp_path):
    collect(enrolled, NAME, canvas(tmp_path, ada="first"))
    collect(enrolled, NAME, canvas(tmp_path, 2, ada="second"))
    assert what(collect(enrolled, NAME, canvas(tmp_path, 2, ada="second"))) == {"ada": "unchanged"}
    kept = [
        (one.folder / f"{NAME}.ipynb").read_text() for one in submissions(enrolled, "ada", NAME)
    ]
    assert kept == ["first", "second"] and counts(enrolled, "ada") == "second"


def test_what_was_put_there_by_hand_is_kept(enrolled, tmp_path):
    hand_in(enrolled, "ada", "by hand")
    collect(enrolled, NAME, canvas(tmp_path, ada="by Canvas"))
    assert len(submissions(enrolled, "ada", NAME)) == 2 and counts(enrolled, "ada") == "by Canvas"


@pytest.mark.parametrize(
    ("rules", "counting"),
    [
        ("", "third"),
        ("counts = 'first'\n", "first"),
        ("attempts = 2\n", "second"),
        ("[[exception]]\nstudent = 'ada'\nassignment = 'tiny'\nattempt = 1\n", "first"),
    ],
)
def test_which_one_counts(enrolled, tmp_path, rules, counting):
    for number, text in enumerate(("first", "second", "third")):
        collect(enrolled, NAME, canvas(tmp_path, number, ada=text))
    changed = with_rules(enrolled, rules)
    collect(changed, NAME)
    assert counts(changed, "ada") == counting and len(submissions(changed, "ada", NAME)) == 3


def test_too_late_is_kept_but_not_taken(enrolled, tmp_path):
    course = with_rules(enrolled, DUE + "late_limit = 2\n")
    files = {lms_class.moodle_name(BY_LOGIN["ada"], "tiny.ipynb"): "x"}
    path = lms_class.write_zip(tmp_path / "m.zip", files)
    times = {"ada": "Sunday, 18 October 2026, 2:14 PM"}
    sheet = lms_class.moodle_worksheet(tmp_path / "sheet.csv", "5", times)
    (problem,) = [one for one in collect(course, NAME, path, worksheet=sheet) if one.is_problem]
    assert problem.detail == "1 too late to be accepted"
    assert not course.submitted("ada", NAME).exists() and submissions(course, "ada", NAME)
    more = "[[exception]]\nstudent = 'ada'\nassignment = 'tiny'\ndays = 3\n"
    course = with_rules(enrolled, DUE + "late_limit = 2\n" + more)
    collect(course, NAME)
    assert counts(course, "ada") == "x"


@pytest.mark.parametrize(
    ("written", "is_problem"),
    [("2026-10-15 23:00 CEST", True), ("2026-10-14 09:00 CEST", False), ("soon", True)],
)
def test_a_time_in_a_zone_that_nobody_knows_is_kept_and_told(
    enrolled, tmp_path, written, is_problem
):
    course = with_rules(enrolled, DUE + "late_penalty = 0.1\n")
    path = hand_in(course, "ada", "by hand")
    path.with_name("timestamp.txt").write_text(written)
    hand_in(course, "zoe", "by hand")
    collect(course, NAME, canvas(tmp_path, jose="j"))
    collect(course, NAME, canvas(tmp_path, 2, ada="by hand"))
    (one,) = submissions(course, "ada", NAME)
    assert one.time is None and (one.folder / "timestamp.txt").read_text() == f"{written}\n"
    (told,) = [one for one in collect(course, NAME) if one.who == "ada"]
    assert told.is_problem == is_problem
    assert f"exact submission time unknown, because {written!r}" in told.detail
    assert ("give its handed_in in an [[exception]]" in told.detail) == is_problem
    known = "[[exception]]\nstudent = 'ada'\nassignment = 'tiny'\nhanded_in = {}\n"
    course = with_rules(course, DUE + "late_penalty = 0.1\n" + known.format("2026-10-16T01:00:00Z"))
    (told,) = [one for one in collect(course, NAME) if one.who == "ada"]
    assert (told.detail, told.is_problem) == ("late by 3 hours 1 minute", False)


def test_a_zone_that_nobody_knows_does_not_matter_without_penalties(enrolled, tmp_path):
    course = with_rules(enrolled, DUE)
    hand_in(course, "ada", "x").with_name("timestamp.txt").write_text("2026-10-18 12:00 EST")
    (told,) = [one for one in collect(course, NAME, canvas(tmp_path, ada="x")) if one.who == "ada"]
    assert not told.is_problem and "exact submission time unknown" in told.detail
    assert "[[exception]]" not in told.detail


def test_gradescopes_zone_that_nobody_knows(enrolled, tmp_path):
    course = with_rules(enrolled, DUE + "late_penalty = 0.1\n")
    times = {"zoe": "2026-10-14 18:42:03 -0700", "wei": "2026-10-15 23:42:03 PST"}
    path = lms_class.gradescope_export(tmp_path / "g.zip", {"zoe": "z", "wei": "w"}, times)
    (problem,) = [one for one in collect(course, NAME, path) if one.is_problem]
    assert problem.who == "wei" and "'2026-10-15 23:42:03 PST' names no offset" in problem.detail
    time = read_timestamp(course.submitted("zoe", NAME), UTC).time
    assert time == datetime(2026, 10, 15, 1, 42, 3, tzinfo=UTC)


def test_moodles_names_lack_what_no_file_may_hold_and_follow_a_groups(enrolled, tmp_path):
    zoe, tim = BY_LOGIN["zoe"], BY_LOGIN["tim"]
    files = {
        lms_class.moodle_name(zoe, "tiny.ipynb"): "z",
        lms_class.moodle_name(tim, "tiny.ipynb", "Lab-1-"): "t",
    }
    assert any("ONeil" in name for name in files) and any("Lab-1-Tim B" in name for name in files)
    collect(enrolled, NAME, lms_class.write_zip(tmp_path / "m.zip", files))
    assert (counts(enrolled, "zoe"), counts(enrolled, "tim")) == ("z", "t")


@pytest.mark.parametrize(
    ("written", "hour"),
    [
        ("Friday, 2 October 2026, 2:14 PM", 14),
        ("Friday, October 2, 2026, 2:14 AM", 2),
        ("Freitag, 2. Oktober 2026, 14:14", 14),
        ("-", None),
    ],
)
def test_times_in_moodles_worksheet(tmp_path, written, hour):
    is_german = written.startswith("Freitag")
    sheet = lms_class.moodle_worksheet(tmp_path / "s.csv", "5", {"ada": written}, is_german)
    listed = LMSS["moodle"].worksheet(read_table(sheet), UTC)["880000"]
    assert (listed.name, listed.email) == ("Ada Lovelace", "ada@example.org")
    time = listed.handed_in and listed.handed_in.time
    assert time == (hour and datetime(2026, 10, 2, hour, 14, tzinfo=UTC))


def test_what_was_typed_into_canvas_is_told(enrolled, tmp_path):
    files = {
        "lovelaceada_4100_text.html": "<p>",
        lms_class.canvas_name(BY_LOGIN["zoe"], "a b.ipynb"): "z",
    }
    path = lms_class.write_zip(tmp_path / "c.zip", files)
    (problem,) = [one for one in collect(enrolled, NAME, path) if one.is_problem]
    assert problem.detail == "this was typed into Canvas, or is a link: not a file"


def test_extra_files_come_along_and_names_are_tame(enrolled, tmp_path):
    ada = BY_LOGIN["ada"]
    files = {
        lms_class.canvas_name(ada, "tiny-2.ipynb"): "n",
        lms_class.canvas_name(ada, "weights.npz"): "w",
        lms_class.canvas_name(ada, "timestamp.txt"): "2020-01-01 UTC",
        lms_class.canvas_name(ada, "../../../etc/passwd"): "p",
        "__MACOSX/._x": "",
    }
    collect(enrolled, NAME, lms_class.write_zip(tmp_path / "c.zip", files))
    names = {path.name for path in enrolled.submitted("ada", NAME).iterdir()}
    assert names >= {"tiny.ipynb", "weights.npz", "_timestamp.txt", "collected.json"}
    assert "timestamp.txt" not in names and all("/" not in name for name in names)


def packed(**contents):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name.replace("__", "."), content)
    return file.getvalue()


def test_what_lmlib_submit_has_packed_is_unpacked(enrolled, tmp_path):
    course = with_rules(enrolled, 'files = ["scores.npz"]\n')
    good = packed(**{f"{NAME}__ipynb": "a notebook", "scores__npz": b"scores"})
    strange = packed(**{f"{NAME}__ipynb": "a notebook", "other__py": b"?"})
    files = {
        lms_class.canvas_name(BY_LOGIN["jose"], f"{NAME}.zip"): good,
        lms_class.canvas_name(BY_LOGIN["schmidt1"], f"{NAME}.zip"): strange,
        lms_class.canvas_name(BY_LOGIN["schmidt2"], f"{NAME}.zip"): good[:-30],
    }
    collect(course, NAME, lms_class.write_zip(tmp_path / "canvas.zip", files))
    assert counts(course, "jose") == "a notebook"
    assert (course.submitted("jose", NAME) / "scores.npz").read_bytes() == b"scores"
    for student in ("schmidt1", "schmidt2"):  # kept as they are, for a person to look at
        names = [path.name for path in course.submitted(student, NAME).iterdir()]
        assert f"{NAME}.zip" in names and f"{NAME}.ipynb" not in names


def test_zips_that_cannot_be_read(enrolled, tmp_path):
    good = canvas(tmp_path, ada="x" * 1000)
    cut = tmp_path / "cut.zip"
    cut.write_bytes(good.read_bytes()[:-30])
    with pytest.raises(CourseError, match="is not a zip that can be read"):
        collect(enrolled, NAME, cut)
    locked = bytearray(good.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = locked.index(signature) + offset
        locked[at : at + 2] = struct.pack("<H", 1)
    (tmp_path / "locked.zip").write_bytes(bytes(locked))
    with pytest.raises(CourseError, match="is not a zip that can be read"):
        collect(enrolled, NAME, tmp_path / "locked.zip")
    with pytest.raises(CourseError, match="There is no"):
        collect(enrolled, NAME, tmp_path / "missing.zip")
    assert not (enrolled.root / "submitted").exists()


def test_a_link_in_a_zip_or_folder_is_not_followed_and_its_student_is_told(enrolled, tmp_path):
    path = tmp_path / "c.zip"
    with zipfile.ZipFile(path, "w") as archive:
        member = zipfile.ZipInfo(lms_class.canvas_name(BY_LOGIN["ada"], "tiny.ipynb"))
        member.create_system, member.external_attr = 3, 0o120777 << 16
        archive.writestr(member, "/etc/passwd")
    folder = tmp_path / "unpacked"
    folder.mkdir()
    (folder / member.filename).symlink_to("/etc/passwd")
    for source in (path, folder):
        (problem,) = (one for one in collect(enrolled, NAME, source) if one.is_problem)
        assert problem.detail == "tiny.ipynb cannot be opened (it is a link, not a file)"
    submitted = enrolled.submitted("ada", NAME)
    assert not (submitted / "tiny.ipynb").exists()
    assert "it is a link, not a file" in (submitted / NOT_KEPT).read_text()


def test_two_submissions_of_one_student_in_one_download(enrolled, tmp_path):
    ada = BY_LOGIN["ada"]
    path = lms_class.write_zip(
        tmp_path / "m.zip",
        {f"{ada.name}_{n}_assignsubmission_file/tiny.ipynb": str(n) for n in (1, 2)},
    )
    problems = [one for one in collect(enrolled, NAME, path) if one.is_problem]
    assert len(problems) == 2 and not enrolled.submitted("ada", NAME).exists()
    assert all("ada has also submitted" in one.detail for one in problems)


@pytest.mark.parametrize("pattern", ["(", "x"])
def test_a_pattern_that_cannot_be_used(enrolled, tmp_path, pattern):
    with pytest.raises(CourseError, match="--pattern"):
        collect(enrolled, NAME, canvas(tmp_path, ada="x"), pattern=pattern)


@given(st.text(max_size=60))
@pytest.mark.parametrize("lms", ["canvas", "moodle", "plain"])
def test_any_name_is_understood_or_reported(lms, name):
    file = File(name, None, 0, bytes)
    parsed = LMSS[lms].parse([file], UTC)
    assert len(parsed.found) + len(parsed.unplaced) == 1 or moodle.TYPED.search(name)


@given(
    st.text("abcdefghijklmnopqrstuvwxyzäöüłß", min_size=1), st.integers(1), st.integers(1),
    st.booleans(),
)  # fmt: skip
def test_canvas_names_give_their_parts_back(person, user, file, is_late):
    name = f"{person}_{'LATE_' if is_late else ''}{user}_{file}_my_file-1.ipynb"
    (found,) = LMSS["canvas"].parse([File(name, None, 0, bytes)], UTC).found
    assert (found.lms_id, found.is_late, found.name) == (str(user), is_late, "my_file-1.ipynb")


def test_the_page_on_collecting(enrolled, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(enrolled.root)
    page = (ROOT / "docs" / "collecting.md").read_text().replace("ps1_rnn_sampling", NAME)
    commands = re.findall(r"^\.venv/bin/nbjudge (.+)$", page, re.M)
    assert len(commands) == 4
    shutil.copy(canvas(tmp_path, zoe="z"), "submissions.zip")
    lms_class.write_zip(
        enrolled.root / "moodle.zip",
        {lms_class.moodle_name(BY_LOGIN["schmidt1"], "tiny.ipynb"): "x"},
    )
    lms_class.moodle_worksheet(enrolled.root / "worksheet.csv", "5", {})
    (enrolled.root / "other").mkdir()
    (enrolled.root / "other" / "grace-final.ipynb").write_text("g")
    for command in commands:
        words = [word.strip("'") for word in command.split()]
        assert cli.main(words) == 0, capsys.readouterr().err
    assert {path.name for path in (enrolled.root / "submitted").iterdir()} == {
        "zoe", "schmidt1", "grace",
    }  # fmt: skip
