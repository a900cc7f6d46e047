"""Files of the shapes that real LMSs make, from the roster to the grades; names are invented."""

import shutil
import sqlite3
import zipfile
from datetime import UTC, datetime

import lms_class
import pytest
from lms_class import CLASS
from small_course import COURSE, NAME, write_course

from nbjudge import cli
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.core.people import Person
from nbjudge.core.tables import read_table, write_table
from nbjudge.gradebook import students
from nbjudge.lms.collect import collect
from nbjudge.lms.collected import submissions
from nbjudge.lms.downloads import File
from nbjudge.lms.registry import LMSS, lms_of_download, lms_of_roster
from nbjudge.lms.roster import read_roster
from nbjudge.workflow import grades
from nbjudge.workflow.grades import Score

BY_LOGIN = {pupil.login: pupil for pupil in CLASS}
ADA, ZOE, SCHMIDT1, SCHMIDT2 = (BY_LOGIN[who] for who in ("ada", "zoe", "schmidt1", "schmidt2"))
DUE = "due = 2026-10-15T23:59:00+02:00\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The tiny course, not built, with the class in its gradebook."""
    course = write_course(tmp_path_factory.mktemp("files") / "course")
    (course.root / "course.toml").write_text(COURSE + DUE)
    roster = lms_class.gradescope_roster(course.root / "roster.csv")
    students.enter(course, read_roster(read_table(roster)))
    return course.root


@pytest.fixture
def course(folder, tmp_path, monkeypatch):
    """That course, the test's own, as the current folder."""
    root = shutil.copytree(folder, tmp_path / "course")
    monkeypatch.chdir(root)
    return find_course(root)


def rows_of(path, text):
    path.write_text(text, encoding="utf-8")
    return read_table(path)


def people(table):
    return {person.student: person for person in read_roster(table)}


def collected(course, files, **options):
    """The outcomes of a download of these files, by whom or what they are about."""
    path = lms_class.write_zip(course.root / "download.zip", files)
    outcomes = collect(course, NAME, path, **options)
    return {one.who: one for one in outcomes if one.what != "nothing submitted"}


def counts(course, student):
    (path,) = course.submitted(student, NAME).glob("*.ipynb")
    return path.read_text()


def all_graded(course, points=4.0, maximum=5.0):
    """A score for every student in the gradebook."""
    return [
        Score(person, NAME, "graded", points, maximum) for person in students.known_students(course)
    ]


def filled(course, path, found=None, **options):
    """The LMS's table with grades, as it is written and read again."""
    done = grades.fill(course, NAME, found or all_graded(course), path, **options)
    out = path.with_name("up.csv")
    write_table(done.table, out)
    return done, out


# ---- rosters


@pytest.mark.parametrize(
    "write",
    [lms_class.brightspace_grades, lms_class.blackboard_grades],
)
def test_a_roster_has_logins_ids_and_names_without_the_lmss_marks(tmp_path, write):
    found = people(read_table(write(tmp_path / "r.csv", "Tiny", "5")))
    assert found.keys() == BY_LOGIN.keys()
    assert (found["zoe"].name, found["zoe"].lms_id) == (ZOE.name, ZOE.lms_id)


def test_sakais_lists_are_rosters(tmp_path):
    found = people(read_table(lms_class.sakai_grades(tmp_path / "r.csv", "Tiny")))
    assert found.keys() == BY_LOGIN.keys() and found["zoe"].name == ZOE.name
    table = rows_of(tmp_path / "g.csv", 'Student ID,Name,Tiny [5]\nada,"Lovelace, Ada",\n')
    assert lms_of_roster(table).name == "sakai" and people(table)["ada"].name == "Ada Lovelace"


@pytest.mark.parametrize(
    ("role", "is_student"),
    [
        ("Étudiant", True), ("Estudiante", True), ("Studente", True), ("Student/in", True),
        ("Estudante", True), ("Aluno", True), ("Leerling", True), ("Studerende", True),
        ("Студент", True), ("学生", True), ("Öğrenci", True), ("Teilnehmer/in", True),
        ("Student, Tutor", True), ("Teacher", False), ("Trainer/in", False),
        ("Studentische Hilfskraft", False), ("Student assistant", False), ("Enseignant", False),
        ("Non-editing teacher", False), ("Profesor", False),
    ],
)  # fmt: skip
def test_roles_in_other_languages(tmp_path, role, is_student):
    text = f'First name,Last name,Email address,Roles\nAda,B,a@x,"{role}"\nBo,C,b@x,Student\n'
    assert ("a" in people(rows_of(tmp_path / "r.csv", text))) == is_student


def test_a_roster_without_students_tells_its_roles(tmp_path):
    table = rows_of(tmp_path / "r.csv", "First name,Last name,Email address,Roles\nA,B,a@x,Kisi\n")
    with pytest.raises(CourseError, match="lists no students; the roles in it are Kisi"):
        read_roster(table)


def test_participants_of_moodles_without_emails_stay_the_same(course):
    text = "First name,Last name,Roles,Groups\nAda,Byron,Student,\nWei,Wu,Student,\n"
    path = course.root / "participants.csv"
    assert lms_of_roster(rows_of(path, text)).name == "moodle"
    for what in ("added", "unchanged"):
        changes = students.enter(course, read_roster(read_table(path)))
        mine = [change for change in changes if change.what != "not in the file"]
        assert [change.what for change in mine] == [what, what]
        assert [change.person.student for change in mine] == ["ada.byron", "wei.wu"]
    known = students.enter(course, read_roster(rows_of(path, text.replace("Byron", "Lovelace"))))
    assert (known[0].person.student, known[0].what) == ("ada", "unchanged")


@pytest.mark.parametrize("has_email", [True, False])
def test_nbgraders_own_list_keeps_its_ids(tmp_path, has_email):
    text = "id,first_name,last_name,email,lms_user_id\nAda_L-1,Ada,Lovelace,ada@x,7\n"
    text = text if has_email else "id,first_name,last_name\nAda_L-1,Ada,Lovelace\n"
    (person,) = people(rows_of(tmp_path / "r.csv", text)).values()
    assert (person.student, person.name) == ("Ada_L-1", "Ada Lovelace")


def test_a_line_for_spreadsheets_is_no_header_and_stays(course):
    path = course.root / "theirs.csv"
    lines = "sep=;\nfirst_name;last_name;email;Tiny\nAda;Lovelace;ada@example.org;\n"
    assert people(rows_of(path, lines)).keys() == {"ada"}
    _, out = filled(course, path, all_graded(course, 4.5))
    assert out.read_text() == lines.replace("org;", "org;4,5")


@pytest.mark.parametrize(
    "name",
    [
        lms_class.blackboard_name(ADA, "tiny.ipynb"),
        f"{lms_class.brightspace_folder(ADA)} - tiny.ipynb",
        f"{lms_class.sakai_folder(ADA)}/Submission attachment(s)/tiny.ipynb",
    ],
)
def test_one_students_file_decides_nothing_about_a_download(name):
    """Somebody hands in on one LMS what was downloaded from another."""
    names = [lms_class.moodle_name(ADA, name), lms_class.moodle_name(ZOE, "tiny.ipynb")]
    files = [File(path, None, 0, lambda most: b"") for path in (*names, *names[1:] * 2)]
    assert lms_of_download(files).name == "moodle"


# ---- Brightspace


def test_of_two_attempts_in_brightspaces_download_the_newer_counts(course):
    files = {
        f"{lms_class.brightspace_folder(ADA, 'Oct 14, 2026 1105 PM')}/tiny.ipynb": "newer",
        f"{lms_class.brightspace_folder(ADA, 'Oct 14, 2026 921 AM')}/tiny.ipynb": "older",
        f"{lms_class.brightspace_folder(ZOE, 'Oct 16, 2026 2105')}/tiny.ipynb": "zoe's",
        "index.html": "<html>",
    }
    outcomes = collected(course, files)
    assert {who: one.what for who, one in outcomes.items()} == {
        "ada": "collected", "zoe": "collected",
    }  # fmt: skip
    assert (counts(course, "ada"), counts(course, "zoe")) == ("newer", "zoe's")
    times = [one.time for one in submissions(course, "ada", NAME)]
    assert times == [datetime(2026, 10, 14, hour, minute, tzinfo=UTC)
                     for hour, minute in ((7, 21), (21, 5))]  # fmt: skip
    assert "late by 21 hours" in outcomes["zoe"].detail


@pytest.mark.parametrize("time", ["Oct 14, 2026 921 PM", "14 okt 2026 2121"])
def test_attempts_that_brightspace_does_not_tell_apart_are_not_placed(course, time):
    folder = lms_class.brightspace_folder(ADA, time)
    files = {f"{folder}/tiny.ipynb": "a", f"{folder.replace('2557369', '2557370')}/t.ipynb": "b"}
    outcomes = collected(course, files)
    assert all("nothing says which is newer" in one.detail for one in outcomes.values())
    assert len(outcomes) == 2 and not course.has_submission("ada", NAME)


def test_brightspaces_flat_names_and_feedback():
    name = f"{lms_class.brightspace_folder(ADA)} - tiny.ipynb"
    found = LMSS["brightspace"].parse_name(None, name, UTC)
    assert (found.name, found.person) == ("tiny.ipynb", "Ada Lovelace")
    page = LMSS["brightspace"].feedback_name(name, NAME)
    assert page == f"{lms_class.brightspace_folder(ADA)}/tiny.html"


def test_brightspaces_grades_keep_marks_and_headings(course):
    path = lms_class.brightspace_grades(course.root / "b.csv", "Tiny", "5")
    done, out = filled(course, path)
    before, after = lms_class.read_rows(path), lms_class.read_rows(out)
    assert done.written == len(CLASS) and after[0] == before[0]
    assert after[1] == [*before[1][:5], "4", "#"] and before[1][0].startswith("#")


# ---- Blackboard


def test_of_two_attempts_in_blackboards_download_the_newer_counts(course):
    files = {
        lms_class.blackboard_name(ADA, "tiny.ipynb", "2026-10-14-21-21-05"): "older",
        lms_class.blackboard_name(ADA, "tiny.ipynb", "2026-10-14-21-21-06"): "newer",
        lms_class.blackboard_name(ADA, "", "2026-10-14-21-21-06"): "Name: Ada",
        lms_class.blackboard_name(ZOE, ""): "Name: Zoë\nSubmission Field:\nI wrote it here.",
    }
    outcomes = collected(course, files)
    assert counts(course, "ada") == "newer" and len(submissions(course, "ada", NAME)) == 2
    (problem,) = [one for one in outcomes.values() if one.is_problem]
    assert problem.who == lms_class.blackboard_name(ZOE, "")
    assert problem.detail == "this was typed into Blackboard: there is no file with it"
    assert LMSS["blackboard"].feedback_name(next(iter(files)), NAME) is None


def test_titles_and_logins_of_blackboards_may_hold_underscores(course):
    students.enter(course, [Person("ada_b", "Ada", "Bo", "ada_b@example.org", "99")])
    name = "ps1_rnn_ada_b_attempt_2026-10-14-21-21-05_tiny_2.ipynb"
    assert collected(course, {name: "x"}).keys() == {"ada_b"}


def test_blackboards_grades_stay_in_utf16_with_tabs(course):
    path = lms_class.blackboard_grades(course.root / "b.xls", "Tiny", "5")
    done, out = filled(course, path)
    table = read_table(out)
    assert (table.encoding, table.delimiter, done.written) == ("utf-16", "\t", len(CLASS))
    assert {row[-1] for row in table.rows[1:]} == {"4"}
    assert table.rows[0][-1] == "Tiny [Total Pts: 5 Score] |1281892"


# ---- Sakai


def test_sakais_download_has_times_and_what_was_typed(course):
    ada, zoe, wei = (lms_class.sakai_folder(BY_LOGIN[who]) for who in ("ada", "zoe", "wei"))
    files = {
        "Tiny/grades.csv": "", f"{ada}/comments.txt": "", f"{ada}/feedbackText.html": "",
        f"{ada}/Submission attachment(s)/tiny.ipynb": "ada's",
        f"{ada}/timestamp.txt": "20261014192105000",
        f"{ada}/Lovelace, Ada(ada)_submissionText.html": "next to a file",
        f"{zoe}/Submission attachment(s)/tiny.ipynb": "zoe's",
        f"{zoe}/timestamp.txt": "2026-10-14T19:21:05Z",
        f"{wei}/Zhang, Wei(wei)_submissionText.html": "<p>Here it is.</p>",
    }  # fmt: skip
    outcomes = collected(course, files)
    assert {one.detail for one in outcomes.values() if one.is_problem} == {
        "this was typed into Sakai: there is no file with it"
    }
    for who in ("ada", "zoe"):
        (one,) = submissions(course, who, NAME)
        assert one.time == datetime(2026, 10, 14, 19, 21, 5, tzinfo=UTC)
    page = LMSS["sakai"].feedback_name(f"{ada}/Submission attachment(s)/tiny.ipynb", NAME)
    assert page == f"{ada}/Feedback Attachment(s)/tiny.html"


def test_sakais_grades_keep_the_lines_before_the_header(course):
    path = lms_class.sakai_grades(course.root / "grades.csv", "Tiny")
    done, out = filled(course, path)
    before, after = path.read_text().splitlines(), out.read_text().splitlines()
    assert done.written == len(CLASS) and after[:2] == before[:2] == ['"Tiny","Points"', '""']
    assert after[2] == before[2] and after[3].split(",")[4] == "4"


def test_sakais_download_without_folders_has_no_times(course):
    ada = lms_class.sakai_folder(ADA)
    files = {
        f"{ada}_Submission attachment(s)_tiny.ipynb": "ada's",
        f"{lms_class.sakai_folder(ZOE)}__submissionText.html": "<p>",
    }
    outcomes = collected(course, files)
    assert outcomes["ada"].what == "collected" and counts(course, "ada") == "ada's"
    assert [one.detail for one in outcomes.values() if one.is_problem] == [
        "this was typed into Sakai: there is no file with it"
    ]


def test_sakais_anonymous_grading_from_download_to_upload(course):
    who = "b6f7c1d2-0a1b-4c3d-8e5f-112233445566"
    files = {f"Tiny/{who} Anonymous/Submission attachment(s)/tiny.ipynb": "x"}
    assert collected(course, files).keys() == {f"anonymous-{who}"}
    path = lms_class.sakai_grades(course.root / "grades.csv", "Tiny", "SCORE_GRADE_TYPE")
    text = path.read_text().replace("ada,0-b0f3,Lovelace,Ada", f"{who} Anonymous," * 2 + "An,An")
    path.write_text(text)
    scores = [Score(Person(f"anonymous-{who}", "", "", "", ""), NAME, "graded", 4.0, 5.0)]
    done, _ = filled(course, path, scores)
    assert done.written == 1 and done.table.rows[1][4] == "4"


# ---- Moodle


def moodle_sheet(course, *columns, points="5"):
    """The grading worksheet with these columns only, besides those that it always has."""
    path = lms_class.moodle_worksheet(course.root / "theirs.csv", points, {})
    rows = lms_class.read_rows(path)
    kept = [n for n, name in enumerate(rows[0])
            if name in columns or name not in ("Full name", "Email address")]  # fmt: skip
    return lms_class.write_rows(path, [[row[n] for n in kept] for row in rows])


def moodle_files(*pupils, name=None):
    return {
        f"{name or pupil.name}_{lms_class.participant(pupil)}_assignsubmission_file/tiny.ipynb":
        pupil.login for pupil in pupils
    }  # fmt: skip


def test_a_worksheet_without_emails_finds_students_by_participants_numbers(course):
    collected(course, moodle_files(SCHMIDT1, SCHMIDT2),
              worksheet=lms_class.moodle_worksheet(course.root / "full.csv", "5", {}))  # fmt: skip
    assert counts(course, "schmidt2") == "schmidt2"
    found = [
        Score(one.person, NAME, "graded", 4.0 if one.person.student == "schmidt2" else 3.0, 5.0)
        for one in all_graded(course)
    ]
    done, out = filled(course, moodle_sheet(course, "Full name"), found)
    given = {row[0]: row[3] for row in lms_class.read_rows(out)[1:]}
    assert given[f"Participant {lms_class.participant(SCHMIDT1)}"] == "3"
    assert given[f"Participant {lms_class.participant(SCHMIDT2)}"] == "4"
    assert done.written == len(CLASS)


def test_a_worksheet_without_emails_tells_times(course):
    times = {"ada": "Wednesday, 14 October 2026, 2:14 PM"}
    path = lms_class.moodle_worksheet(course.root / "full.csv", "5", times)
    rows = [row[:2] + row[3:] for row in lms_class.read_rows(path)]
    collected(course, moodle_files(ADA), worksheet=lms_class.write_rows(path, rows))
    (one,) = submissions(course, "ada", NAME)
    assert one.time == datetime(2026, 10, 14, 12, 14, tzinfo=UTC)


@pytest.mark.parametrize("hidden", ["Participant", "Teilnehmerin"])
def test_anonymous_marking_from_download_to_upload(course, hidden):
    files = moodle_files(ADA, ZOE, name=hidden)
    sheet = moodle_sheet(course)
    assert lms_class.read_rows(sheet)[0][:2] == ["Identifier", "Status"]
    outcomes = collected(course, files, worksheet=sheet)
    ada, zoe = (f"participant-{lms_class.participant(one)}" for one in (ADA, ZOE))
    assert {who: one.what for who, one in outcomes.items()} == {ada: "collected", zoe: "collected"}
    scores = [Score(Person(who, "", "", "", ""), NAME, "graded", 4.0, 5.0) for who in (ada, zoe)]
    done, out = filled(course, sheet, scores)
    given = [(row[0], row[2]) for row in lms_class.read_rows(out)[1:] if row[2]]
    assert given == [(f"Participant {who.partition('-')[2]}", "4") for who in (ada, zoe)]
    assert done.written == 2 and len(done.left) == len(CLASS) - 2
    page = LMSS["moodle"].feedback_name(next(iter(files)), NAME)
    assert page == f"{hidden}_{lms_class.participant(ADA)}_assignsubmission_file_/tiny.html"


def test_once_names_are_revealed_a_participant_is_a_student(course):
    sheet = lms_class.moodle_worksheet(course.root / "full.csv", "5", {})
    assert collected(course, moodle_files(ADA, name="Participant"), worksheet=sheet).keys() == {
        "ada"
    }


def test_online_text_alone_is_named(course):
    files = {
        "Ada Lovelace_880000_assignsubmission_onlinetext/onlinetext.html": "<p>",
        **moodle_files(ZOE),
        f"{ZOE.name}_{lms_class.participant(ZOE)}_assignsubmission_onlinetext/o.html": "<p>",
    }
    problems = [one for one in collected(course, files).values() if one.is_problem]
    assert [(one.who, one.detail) for one in problems] == [
        (next(iter(files)), "this was typed into Moodle: there is no file with it")
    ]


# ---- Canvas


def test_canvass_anonymous_names(course):
    files = {"anon_aB3x9_90210_tiny-1.ipynb": "a", "LATE_anon_Zz9y8_90211_tiny.ipynb": "z"}
    outcomes = collected(course, {**files, "anon_QQ9y8_text.html": "<p>"})
    assert outcomes.keys() == {"anon-aB3x9", "anon-Zz9y8", "anon_QQ9y8_text.html"}
    assert "typed into Canvas" in outcomes["anon_QQ9y8_text.html"].detail
    assert "the LMS does not say by how much" in outcomes["anon-Zz9y8"].detail
    pages = [LMSS["canvas"].feedback_name(name, NAME) for name in files]
    assert pages == ["anon_aB3x9_90210_tiny.html", "LATE_anon_Zz9y8_90211_tiny.html"]


def test_students_who_are_only_in_the_lmss_file_are_listed(course):
    path = lms_class.canvas_gradebook(course.root / "c.csv", "Tiny", "5")
    rows = lms_class.read_rows(path)
    rows.insert(5, ["Newcomer, Nia", "5001", "", "nia", "LM 101", "", *["0.0"] * 8])
    done, _ = filled(course, lms_class.write_rows(path, rows))
    assert done.left == [("Nia Newcomer", "not in the gradebook, but in the LMS's file")]
    assert done.written == len(CLASS)


def test_of_300_students_each_is_graded_failed_or_missing_and_the_sum_is_that_of_the_file(course):
    """From the scores of a class to Canvas's file: nobody is lost, and no point."""
    kinds = ("graded", "failed: the notebook is empty", "nothing submitted")
    scores, rows = [], [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Tiny (9)"]]
    rows.append(["    Points Possible", "", "", "", "", "5"])
    for number in range(300):
        person = Person(f"s{number}", "Sam", f"Doe{number}", "", str(7000 + number))
        scores.append(Score(person, NAME, kinds[number % 3], number % 20 / 4, 5.0))
        rows.append([f"Doe{number}, Sam", person.lms_id, "", f"s{number}", "LM", ""])
    path = lms_class.write_rows(course.root / "c.csv", rows)
    done, out = filled(course, path, scores)
    written = {row[1]: float(row[5]) for row in lms_class.read_rows(out)[2:] if row[5]}
    left = dict(done.left)
    assert len(written) == done.written == 100 and len(left) == 200
    assert {one.person.student for one in scores if one.person.lms_id not in written} == left.keys()
    ours = sum(one.points for one in scores if one.is_graded)
    assert done.points == sum(written.values()) == ours > 0


# ---- points that do not fit


FULL = {
    "canvas": lambda path: lms_class.canvas_gradebook(path, "Tiny", "100"),
    "moodle": lambda path: lms_class.moodle_worksheet(path, "100", {}),
    "brightspace": lambda path: lms_class.brightspace_grades(path, "Tiny", "100"),
    "blackboard": lambda path: lms_class.blackboard_grades(path, "Tiny", "100"),
}


@pytest.mark.parametrize("name", FULL)
def test_another_maximum_is_refused_and_converted_only_when_asked(course, name):
    path = FULL[name](course.root / "theirs.csv")
    with pytest.raises(CourseError, match="out of 100 .* out of 5: .* --out-of 100"):
        grades.fill(course, NAME, all_graded(course), path)
    with pytest.raises(CourseError, match="out of 100 points, not out of 50"):
        grades.fill(course, NAME, all_graded(course), path, out_of=50)
    done = grades.fill(course, NAME, all_graded(course), path, out_of=100)
    assert done.written == len(CLASS)
    assert sum("80" in row for row in done.table.rows) == len(CLASS)


@pytest.mark.parametrize("name", FULL)
def test_points_above_the_maximum_are_listed_where_the_lms_drops_them(course, name):
    path = FULL[name](course.root / "theirs.csv")
    done = grades.fill(course, NAME, all_graded(course, 6.0), path, out_of=100)
    if name == "canvas":  # which takes them, for extra credit
        assert done.written == len(CLASS)
    else:
        assert done.written == 0
        assert {why for _, why in done.left} == {"120 points are above the LMS's 100"}


@pytest.mark.parametrize(
    ("write", "old", "new", "reason"),
    [
        (lms_class.moodle_worksheet, "Maximum grade", "Scale", "takes a scale"),
        (lms_class.brightspace_grades, "Points Grade", "Text Grade", "takes a text grade"),
        (lms_class.brightspace_grades, "Points Grade", "Grade Symbol", "takes a grade symbol"),
        (lms_class.blackboard_grades, "5 Score", "0 Text", "takes the display 'Text'"),
        (lms_class.sakai_grades, '"Points"', '"LETTER_GRADE_TYPE"', "takes LETTER_GRADE_TYPE"),
    ],
)
def test_a_column_that_takes_no_points_is_refused(course, write, old, new, reason):
    path = course.root / "theirs.csv"
    more = {"moodle_worksheet": ("5", {}), "sakai_grades": ("Tiny",)}
    write(path, *more.get(write.__name__, ("Tiny", "5")))
    encoding = read_table(path).encoding
    text = path.read_bytes().decode(encoding)
    assert old in text
    path.write_bytes(text.replace(old, new).encode(encoding))
    with pytest.raises(CourseError, match=reason):
        grades.fill(course, NAME, all_graded(course), path)


def test_out_of_is_for_a_file_of_the_lms(course, capsys):
    assert cli.main(["grades", NAME, "--out-of", "100"]) == 1
    assert "--out-of converts grades for a file named with --into" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["grades", NAME, "--out-of", "-1"])


# ---- what commands say


def test_of_a_large_class_counts_and_five_names_are_shown(course, capsys):
    assert cli.main(["grades", NAME]) == 0
    out = capsys.readouterr().out
    assert "30 without a grade, which is not a zero:" in out
    assert "nothing submitted" in out and "..." in out
    assert sum(pupil.login in out for pupil in CLASS) <= 7  # a login may be in a word


def test_without_students_there_is_no_file_of_grades(tmp_path, monkeypatch, capsys):
    course = write_course(tmp_path / "course")
    monkeypatch.chdir(course.root)
    assert cli.main(["grades", NAME]) == 1
    assert "There is no gradebook" in capsys.readouterr().err
    students.enter(course, [])
    assert cli.main(["grades", NAME]) == 1
    assert "There are no students in the gradebook" in capsys.readouterr().err
    assert not (course.root / "grades.csv").exists()


@pytest.mark.parametrize("damage", ["text", "pages"])
def test_a_damaged_gradebook_gets_advice_that_helps(course, capsys, damage):
    path = course.root / "gradebook.db"
    data = bytearray(path.read_bytes())
    data[100:] = b"\xff" * (len(data) - 100)
    path.write_bytes(b"This is no database. " * 100 if damage == "text" else data)
    assert cli.main(["grades", NAME]) == 1
    said = capsys.readouterr().err
    assert "is damaged" in said and "from a backup" in said and "close what uses it" not in said


def test_a_locked_gradebook_is_no_damaged_one(course, capsys):
    with sqlite3.connect(course.root / "gradebook.db") as connection:
        connection.execute("BEGIN EXCLUSIVE")
        assert cli.main(["grades", NAME]) == 1
    assert "close what uses it and run the command again" in capsys.readouterr().err


def test_the_table_of_files_names_every_lms(course):
    from small_course import ROOT

    page = (ROOT / "docs" / "lms.md").read_text()
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| ")]
    shapes = [row for row in rows if len(row) == 7 and row[1].strip() != "LMS"]
    named = {row[1].strip() for row in shapes}
    assert {lms.title for name, lms in LMSS.items() if name != "plain"} <= named
    assert len(shapes) >= 30 and all(cell.strip() for row in shapes for cell in row[1:-1])


def test_feedback_goes_into_zips_as_each_lms_wants_it(course):
    files = {f"{lms_class.brightspace_folder(ADA)}/tiny.ipynb": "x"}
    collected(course, files)
    page = course.feedback("ada", NAME) / f"{NAME}.html"
    page.parent.mkdir(parents=True)
    page.write_text("<p>")
    assert grades.feedback_zip(course, NAME, ["ada"], course.root / "f.zip") == []
    with zipfile.ZipFile(course.root / "f.zip") as archive:
        assert archive.namelist() == [f"{lms_class.brightspace_folder(ADA)}/tiny.html"]
