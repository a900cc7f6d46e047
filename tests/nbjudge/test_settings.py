"""course.toml: what is unknown, of another type, or at odds is refused, with its place."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError

START = """title = "A course"
late_days = 3

[environment]
MODE = "smoke"

[[assignment]]
name = "ps1"
title = "One"
packages = ["numpy"]
due = 2026-10-15T23:59:00+02:00
limits.cells = 50

[[assignment]]
name = "ps2"
title = "Two"
packages = ["numpy"]

[assignment.limits]
cells = 60
"""
ADA = '\n[[exception]]\nstudent = "ada"\nassignment = "ps1"\n'


def said(folder, text):
    """What is said about a course.toml of this text, after its path."""
    path = folder / "course.toml"
    path.write_text(text)
    with pytest.raises(CourseError) as refused:
        find_course(folder)
    found = str(refused.value)
    assert found.startswith(f"{path}:")
    return found.removeprefix(f"{path}:")


def test_what_is_right_is_taken(tmp_path):
    (tmp_path / "course.toml").write_text(START + ADA + "days = 2\n")
    course = find_course(tmp_path)
    assert [one.limits.cells for one in course.assignments.values()] == [50, 60]
    assert course.policies.exception("ada", "ps1").days == 2
    assert course.assignment("ps2").environment == {"MODE": "smoke"}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("late_days = 3", "late_day = 3",
         "2: there is the unknown setting 'late_day'; did you mean 'late_days'?"),
        ("late_days = 3", "release_adress = ''",
         "2: there is the unknown setting 'release_adress'; did you mean 'release_address'?"),
        ("late_days = 3", "due = 3",
         "2: there is the unknown setting 'due'; it belongs in [[assignment]]."),
        ("late_days = 3", "late_days = 2.5",
         "2: late_days must be a whole number of at least 0, not 2.5."),
        ("late_days = 3", "late_days = -1",
         "2: late_days must be a whole number of at least 0, not -1."),
        ('title = "A course"', "title = 5", "1: title must be text, not 5."),
        ('title = "A course"', 'library = "a-b"',
         "1: library must be the name of a package as Python imports it, not 'a-b'."),
        ('MODE = "smoke"', "MODE = 1",
         "5: [environment]: environment must be a table that sets each variable to text, not 1."),
        ("[environment]", "[enviroment]",
         "4: there is the unknown table 'enviroment'; did you mean 'environment'?"),
        ("limits.cells = 50", "limits.celsl = 50",
         "12: [assignment.limits] of ps1: there is the unknown setting 'celsl'; "
         "did you mean 'cells'?"),
        ("cells = 60", "cells = 5",
         "20: [assignment.limits] of ps2: cells must be a whole number from 10 to 100,000, "
         "not 5."),
        ("limits.cells = 50", "limits = {cells = true}",
         "12: [assignment.limits] of ps1: cells must be a whole number from 10 to 100,000, "
         "not True."),
        ("limits.cells = 50", "cells = 50",
         "12: [[assignment]] ps1: there is the unknown setting 'cells'; "
         "it belongs in [assignment.limits]."),
        ('packages = ["numpy"]\ndue', 'packages = [\n  "numpy",\n  3,\n]\ndue',
         "10: [[assignment]] ps1: packages must be a list of texts, not 3."),
        ('name = "ps2"', 'name = "ps1"',
         "15: [[assignment]] ps1: there are two assignments called 'ps1'."),
        ('name = "ps2"', 'name = "a/b"',
         "15: [[assignment]] a/b: name must be text: a name of at most 128 letters, digits, '_', "
         "'.' and '-', as in source/, not 'a/b'."),
        ('name = "ps2"', f'name = "{"p" * 129}"',
         f"15: [[assignment]] {'p' * 129}: name must be text: a name of at most 128 letters, "
         f"digits, '_', '.' and '-', as in source/, not '{'p' * 129}'."),
        ('title = "Two"\n', "", "14: [[assignment]] ps2: it lacks the setting 'title'."),
        ("due = 2026-10-15T23:59:00+02:00", "due = 2026-10-15",
         "11: [[assignment]] ps1: due must be a date and time with its offset from UTC, like "
         "2026-10-15T23:59:00+02:00, not '2026-10-15'."),
        ("due = 2026-10-15T23:59:00+02:00", "late_penalty = inf",
         "11: [[assignment]] ps1: late_penalty must be a share from 0 to 1, not inf."),
    ],
)  # fmt: skip
def test_each_refusal_names_line_table_and_what_is_meant(tmp_path, old, new, sentence):
    assert START.count(old) == 1
    assert said(tmp_path, START.replace(old, new)) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (ADA.replace("[[exception]]", "[[excpetion]]") + "days = 2\n",
         "22: there is the unknown table 'excpetion'; did you mean 'exception'?"),
        (ADA + "day = 2\n", "25: [[exception]] for ada: there is the unknown setting 'day'; "
                            "did you mean 'days'?"),
        (ADA + "days = -1\n", "25: [[exception]] for ada: days must be a number of at least 0, "
                              "not -1."),
        (ADA + "until = 2026-10-16T12:00:00Z\ndays = 2\n",
         "26: [[exception]] for ada: give until or days, not both."),
        (ADA.replace("ps1", "p1"), "24: [[exception]] for ada: there is no assignment 'p1'; "
                                   "did you mean 'ps1'?"),
        (ADA.replace("ps1", "ps2") + "days = 2\n",
         "22: [[exception]] for ada: ps2 has no due date to extend."),
        (ADA + ADA, "26: [[exception]] for ada: there are two tables for ada, ps1."),
        (ADA.replace('student = "ada"\n', ""),
         "22: [[exception]] number 1: it lacks the setting 'student'."),
        ("\n[exception]\nstudent = 'ada'\n",
         "22: exceptions are written as [[exception]] tables, not as {'student': 'ada'}."),
    ],
)  # fmt: skip
def test_exceptions_are_read_as_strictly(tmp_path, text, sentence):
    assert said(tmp_path, START + text) == sentence


def test_the_first_of_several_in_the_file_is_told(tmp_path):
    text = START.replace("cells = 60", "cells = 5").replace("late_days", "late_dys")
    assert said(tmp_path, text).startswith("2: ")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.from_regex(r"[a-z_]{1,12}", fullmatch=True), place=st.integers(0, 3))
def test_no_misspelled_setting_is_ever_ignored(tmp_path, name, place):
    """Whatever the setting is called, and wherever it stands, it is known or refused."""
    parts = START.split("\n\n")
    parts[place] += f"\n{name} = 12\n"
    path = tmp_path / "course.toml"
    path.write_text("\n\n".join(parts))
    try:
        find_course(tmp_path)
    except CourseError as error:
        line = "\n\n".join(parts).split("\n").index(f"{name} = 12") + 1
        assert f"course.toml:{line}: " in str(error) or "not valid TOML" in str(error)
    else:
        assert place == 1 or name in ("late_days", "attempts", "late_limit")
