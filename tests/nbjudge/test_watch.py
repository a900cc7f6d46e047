"""`nbjudge watch`: what arrives is graded by the course's rules, whole files only, nothing lost."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import nbformat
import pytest
from small_course import COURSE, NAME, SANDBOX, answered, hand_in, quiet

from nbjudge import cli
from nbjudge.authoring import build
from nbjudge.core import times
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.gradebook.connection import open_gradebook
from nbjudge.lms import counting
from nbjudge.lms.collected import submissions
from nbjudge.sandbox.isolation import Isolation
from nbjudge.sandbox.workers import NotebookExecutor
from nbjudge.workflow import grade, watch
from nbjudge.workflow.watch import PATIENCE, SETTLED, Watch

RIGHT = "def scaled(values, factor):\n    return factor * values"
ADDED = "def scaled(values, factor):\n    return values + factor"
IN_PLACE = "def scaled(values, factor):\n    values *= factor\n    return values"


@pytest.fixture
def told():
    return []


def take_all(watched, executor, told, now=0.0):
    """What is there and settled is taken; the records."""
    watched.ready(now)
    students = watched.ready(now + SETTLED)
    return watched.take(students, executor, told.append) if students else []


def with_rules(course, rules):
    (course.root / "course.toml").write_text(COURSE + rules)
    return find_course(course.root)


def page(course, student):
    return course.feedback(student, NAME) / f"{NAME}.html"


def score(course, student):
    with open_gradebook(course) as gradebook:
        return gradebook.find_submission(NAME, student).score


def test_what_arrives_is_graded_and_gets_its_page(course, executor, told):
    watched = Watch(course, NAME)
    assert watched.ready(0.0) == []
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    (record,) = take_all(watched, executor, told)
    assert record.student == "ada" and score(course, "ada") == 4
    assert "Full marks" in page(course, "ada").read_text()
    assert told == ["ada: 4 of 4 points"]
    assert watched.ready(100.0) == watched.ready(200.0) == []


def test_a_file_is_taken_once_nothing_of_it_changes_any_more(course, executor, told):
    watched = Watch(course, NAME)
    text = nbformat.writes(answered(course, scaled=RIGHT))
    for step in range(1, 9):  # it arrives piece by piece, at half the pace of waiting
        hand_in(course, "ada", text[: len(text) * step // 8])
        assert watched.ready(step * SETTLED / 2) == []
    assert watched.ready(4.4 * SETTLED) == []
    assert watched.ready(5.1 * SETTLED) == ["ada"]
    (record,) = watched.take(["ada"], executor, told.append)
    assert record.status == "graded"
    assert len(submissions(course, "ada", NAME)) == 1


def test_half_a_notebook_is_waited_for_and_then_fails_with_a_reason(course, executor, told):
    watched = Watch(course, NAME)
    text = nbformat.writes(answered(course, scaled=RIGHT))
    hand_in(course, "ada", text[: len(text) // 2])
    assert watched.ready(0.0) == watched.ready(0.9 * PATIENCE) == []
    assert watched.ready(1.1 * PATIENCE) == ["ada"]
    (record,) = watched.take(["ada"], executor, told.append)
    assert record.status == "failed" and "not valid JSON" in told[-1]
    hand_in(course, "ada", text)
    assert watched.ready(2 * PATIENCE) == []
    (record,) = take_all(watched, executor, told, 3 * PATIENCE)
    assert record.status == "graded" and score(course, "ada") == 4


def test_only_the_attempts_that_the_course_allows_count(course, executor, told):
    course = with_rules(course, "attempts = 2\n")
    watched = Watch(course, NAME)
    for turn, (answer, points) in enumerate([(ADDED, 0), (IN_PLACE, 2), (RIGHT, 2)]):
        hand_in(course, "ada", answered(course, scaled=answer))
        take_all(watched, executor, told, 10.0 * turn)
        assert score(course, "ada") == points
    assert "submission 2 of 3 counts, 1 beyond the 2 allowed" in told[-1]
    assert len(submissions(course, "ada", NAME)) == 3
    assert "values *= factor" in course.submitted("ada", NAME).joinpath(f"{NAME}.ipynb").read_text()
    assert watched.ready(100.0) == watched.ready(200.0) == []


def test_a_folder_that_cannot_be_read_is_told_once_and_graded_when_it_can(
    course, executor, told, monkeypatch
):
    watched = Watch(course, NAME)
    closed = hand_in(course, "ada", answered(course, scaled=RIGHT)).parent
    scandir = os.scandir

    def refuse(folder):
        if str(folder) == str(closed):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        for turn in range(3):
            take_all(watched, executor, told, 50.0 * turn)
            take_all(watched, executor, told, 50.0 * turn + PATIENCE)
    sentence = "ada: ignored, because the submission's folder cannot be read (Permission denied)"
    assert told == [sentence]
    take_all(watched, executor, told, 500.0)
    assert score(course, "ada") == 4


def test_the_first_one_counts_where_the_course_says_so(course, executor, told):
    course = with_rules(course, "counts = 'first'\n")
    watched = Watch(course, NAME)
    for turn, answer in enumerate([IN_PLACE, RIGHT]):
        hand_in(course, "ada", answered(course, scaled=answer))
        take_all(watched, executor, told, 10.0 * turn)
    assert score(course, "ada") == 2


def test_a_time_in_a_zone_that_nobody_knows_is_not_overwritten(course, executor, told):
    due = datetime.now(UTC) - timedelta(hours=30)
    course = with_rules(course, f"due = {due.isoformat()}\nlate_penalty = 0.1\n")
    watched = Watch(course, NAME)
    time.sleep(0.05)
    written = f"{datetime.now():%Y-%m-%d %H:%M} CEST\n"
    hand_in(course, "ada", answered(course, scaled=RIGHT)).with_name("timestamp.txt").write_text(
        written
    )
    hand_in(course, "bob", answered(course, scaled=RIGHT)).with_name("timestamp.txt").write_text(
        "by Friday"
    )
    take_all(watched, executor, told)
    assert (course.submitted("ada", NAME) / "timestamp.txt").read_text() == written
    assert any("ada: exact submission time unknown" in words for words in told)
    assert times.read_timestamp(course.submitted("bob", NAME), UTC).time is not None
    hand_in(course, "ada", answered(course, scaled=IN_PLACE))  # next to the time of the one before
    take_all(watched, executor, told, 100.0)
    assert times.read_timestamp(course.submitted("ada", NAME), UTC).time is not None


def test_when_it_arrived_is_when_it_was_handed_in(course, executor, told):
    due = datetime.now(UTC) - timedelta(hours=30)
    course = with_rules(course, f"due = {due.isoformat()}\nlate_penalty = 0.1\n")
    hand_in(course, "early", answered(course, scaled=RIGHT))  # nobody knows since when it is there
    time.sleep(0.05)
    watched = Watch(course, NAME)
    time.sleep(0.05)
    hand_in(course, "late", answered(course, scaled=RIGHT))
    told_by_others = hand_in(course, "punctual", answered(course, scaled=RIGHT))
    told_by_others.with_name(times.TIMESTAMP).write_text("2020-01-01 00:00:00 UTC\n")
    take_all(watched, executor, told)
    first = times.read_timestamp(course.submitted("late", NAME), UTC).time
    assert abs((first - datetime.now(UTC)).total_seconds()) < 600
    assert times.read_timestamp(course.submitted("early", NAME), UTC) is None
    assert times.read_timestamp(course.submitted("punctual", NAME), UTC).time.year == 2020
    with open_gradebook(course) as gradebook:
        penalties = {
            student: gradebook.find_submission_notebook(NAME, NAME, student).late_submission_penalty
            for student in ("early", "late", "punctual")
        }
    assert penalties == {"early": None, "late": pytest.approx(0.8), "punctual": None}


def test_a_second_submission_has_a_time_of_its_own(course, executor, told):
    watched = Watch(course, NAME)
    time.sleep(0.05)
    hand_in(course, "ada", answered(course, scaled=ADDED))
    take_all(watched, executor, told)
    time.sleep(1.1)  # times are kept in whole seconds
    hand_in(course, "ada", answered(course, scaled=RIGHT))  # the first one's time still lies there
    take_all(watched, executor, told, 10.0)
    one, other = submissions(course, "ada", NAME)
    assert one.time < other.time and score(course, "ada") == 4


def test_it_goes_on_where_it_was(course, executor, told):
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    take_all(Watch(course, NAME), executor, told)
    graded = course.autograded_notebook("ada", NAME).stat().st_mtime_ns
    written = page(course, "ada").stat().st_mtime_ns
    hand_in(course, "bob", answered(course, scaled=ADDED))  # while nobody watches
    again = Watch(course, NAME)
    take_all(again, executor, told)
    assert course.autograded_notebook("ada", NAME).stat().st_mtime_ns == graded
    assert page(course, "ada").stat().st_mtime_ns == written
    assert told == ["ada: 4 of 4 points", "bob: 0 of 4 points"]


def test_a_page_that_was_not_written_any_more_is_written(course, executor, told):
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    grade.grade(course, NAME, executor)  # and then came the end
    take_all(Watch(course, NAME), executor, told)
    assert page(course, "ada").exists()


def test_a_gradebook_in_use_is_waited_for(course, executor, told, monkeypatch):
    watched = Watch(course, NAME)
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    watched.ready(0.0)
    looks = iter([True, True, False])

    def locked(*arguments, **settings):
        if next(looks):
            raise CourseError("The gradebook is locked")
        monkeypatch.undo()
        return grade.grade(*arguments, **settings)

    monkeypatch.setattr(watch, "AGAIN", 0.01)
    monkeypatch.setattr(watch, "PAUSE", 0.01)
    monkeypatch.setattr(watch, "SETTLED", 0.02)
    monkeypatch.setattr(watch.grade, "grade", locked)

    @contextmanager
    def executors():
        yield executor

    def stop_at_the_end(words):
        told.append(words)
        if "points" in words:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch.run([watched], executors, stop_at_the_end)
    assert len([words for words in told if "will be retried" in words]) == 1
    assert told[-1] == "ada: 4 of 4 points"


def test_workers_that_have_ended_are_made_anew(course, told):
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    made = []

    @contextmanager
    def executors():
        made.append(ThreadPoolExecutor(1))
        if len(made) == 1:
            made[0].submit = broken
        yield NotebookExecutor(made[-1], Isolation())

    def broken(*arguments):
        raise watch.BrokenExecutor

    def stop(words):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch.run([Watch(course, NAME)], executors, stop)
    assert len(made) == 2 and page(course, "ada").exists()


def test_a_new_answer_key_grades_again(course, executor, told):
    watched = Watch(course, NAME)
    hand_in(course, "ada", answered(course, scaled=ADDED))
    hand_in(course, "bob", answered(course, scaled=RIGHT))
    take_all(watched, executor, told)
    assert score(course, "ada") == 0
    listed = course.mistakes(NAME)
    listed.write_text(listed.read_text().replace('id = "added"', 'id = "added"\ncredit = 0.25'))
    assert build.build(course, NAME, executor, quiet)
    take_all(watched, executor, told, 10.0)
    assert score(course, "ada") == 1
    assert sorted(told[-2:]) == ["ada: 1 of 4 points", "bob: 4 of 4 points"]
    assert watched.ready(100.0) == watched.ready(200.0) == []


def test_a_change_in_the_courses_rules_holds_at_once(course, executor, told):
    watched = Watch(course, NAME)
    for turn, answer in enumerate([IN_PLACE, RIGHT]):
        hand_in(course, "ada", answered(course, scaled=answer))
        take_all(watched, executor, told, 10.0 * turn)
    assert score(course, "ada") == 4
    with_rules(course, "counts = 'first'\n")
    take_all(watched, executor, told, 30.0)
    assert score(course, "ada") == 2 and told[-1] == "ada: 2 of 4 points"


def test_rules_that_cannot_be_read_are_a_sentence_until_they_can(course, executor, told):
    watched = Watch(course, NAME)
    (course.root / "course.toml").write_text("[")
    for _ in range(2):
        with pytest.raises(CourseError, match="course.toml"):
            watched.ready(0.0)
    with_rules(course, "")
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    take_all(watched, executor, told, 10.0)
    assert told == ["ada: 4 of 4 points"]


def test_links_and_floods_are_left_alone(course, executor, told, tmp_path, monkeypatch):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / f"{NAME}.ipynb").write_text(nbformat.writes(answered(course, scaled=RIGHT)))
    folder = course.submitted("eve", NAME)
    folder.parent.mkdir(parents=True)
    folder.symlink_to(secret)
    hand_in(course, "mallory", answered(course, scaled=RIGHT))
    (course.submitted("mallory", NAME) / "notes.txt").symlink_to("/etc/hostname")
    hand_in(course, "flood", answered(course, scaled=RIGHT))
    (course.submitted("flood", NAME) / "model.bin").write_bytes(bytes(200_000))
    monkeypatch.setattr(watch, "MOST_BYTES", 100_000)
    watched = Watch(course, NAME)
    watched.ready(0.0)
    watched.take(watched.ready(PATIENCE), executor, told.append)
    assert "eve: ignored, because its folder is a link to another place" in told
    assert any(words.startswith("flood: ignored, because it is larger") for words in told)
    assert not course.collected("eve", NAME).exists()
    assert not course.autograded_notebook("flood", NAME).exists()
    (kept,) = submissions(course, "mallory", NAME)
    assert not (kept.folder / "notes.txt").exists()
    assert watched.ready(100.0) == watched.ready(200.0) == []


def test_nothing_that_could_be_kept_is_left_as_it_is(course, executor, told, tmp_path):
    elsewhere = tmp_path / "elsewhere.ipynb"
    elsewhere.write_text(nbformat.writes(answered(course, scaled=RIGHT)))
    linked = course.submitted("eve", NAME)
    linked.mkdir(parents=True)
    (linked / f"{NAME}.ipynb").symlink_to(elsewhere)
    course.submitted("empty", NAME).mkdir(parents=True)
    watched = Watch(course, NAME)
    watched.ready(0.0)
    records = watched.take(watched.ready(PATIENCE), executor, told.append)
    assert [record.status for record in records] == ["failed", "failed"]
    assert (linked / f"{NAME}.ipynb").is_symlink() and course.submitted("empty", NAME).is_dir()
    assert not course.collected("eve", NAME).exists()


def test_one_folder_that_cannot_be_written_holds_up_nobody(course, executor, told, monkeypatch):
    real = counting.apply_rules

    def locked_for_ada(course, student, assignment):
        if student == "ada":
            raise PermissionError(13, "Permission denied", "submitted/ada")
        return real(course, student, assignment)

    monkeypatch.setattr(counting, "apply_rules", locked_for_ada)
    for who in ("ada", "bob"):
        hand_in(course, who, answered(course, scaled=RIGHT))
    watched = Watch(course, NAME)
    for turn in range(3):
        take_all(watched, executor, told, 10.0 * turn)
    assert page(course, "bob").exists() and not page(course, "ada").exists()
    assert len([words for words in told if "ada: not collected" in words]) == 1
    monkeypatch.undo()
    take_all(watched, executor, told, 100.0)
    assert page(course, "ada").exists()


def test_it_starts_only_where_it_could_grade(course, capsys):
    (course.key(NAME) / "key.json").unlink()
    assert cli.main(["--course", str(course.root), "watch", NAME]) == 1
    assert f"There is no answer key of {NAME}" in capsys.readouterr().err


def test_the_command_is_stopped_and_resumes_without_loss(course):
    hand_in(course, "s0", answered(course, scaled=RIGHT))
    for turn, how in enumerate([signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGINT]):
        process = start(course)
        try:
            assert process.stdout.readline().strip().endswith(f"s{turn}: 4 of 4 points")
            if turn < 3:  # what arrives as it is stopped is for the next time
                hand_in(course, f"s{turn + 1}", answered(course, scaled=RIGHT))
            process.send_signal(how)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
        assert "Traceback" not in said and "Watching" in said
        if how != signal.SIGKILL:
            assert process.returncode == 0 and "run the same command again to continue" in said
    for turn in range(4):
        assert score(course, f"s{turn}") == 4 and page(course, f"s{turn}").exists()
    assert not list(course.root.rglob("*.part"))


def start(course):
    """`nbjudge watch`, with Ctrl-C as a terminal would have it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    words = ["--course", str(course.root), "watch", NAME, "--jobs", "1", "--sandbox", SANDBOX]
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "nbjudge.cli", *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, before)
