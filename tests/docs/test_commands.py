"""Every command of every page is run, in a clone and in the page's order, or listed below.

The pages that have tests of their own are not repeated here. The clone has three submissions, of
students whom an LMS knows, and the files that an LMS would give.
"""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from nbjudge import cli
from nbjudge.core.course import find_course
from tests import shared
from tests.docs import clone
from tests.docs.clone import NAME, shell
from tests.docs.pages import PAGES, ROOT, command_lines, named_blocks
from tests.nbjudge import lms_class

FOLLOWED = {  # by a test of its own: the page, or sections of it
    "student.md": (r".*", "tests/docs/test_students.py"),
    "first_day.md": (r".*", "tests/nbjudge/test_first_day.py"),
    "whole_term.md": (r".*", "tests/docs/test_whole_term.py"),
    "instructor.md": (r"## From a clone to grades.*?(?=^## )", "tests/docs/test_instructors.py"),
    "authoring.md": (r"## From nothing to an audit.*?(?=^## )", "tests/docs/test_authoring.py"),
}

NOT_RUN = {
    "make demo": "calls `nbjudge demo` alone, which tests/notebooks/test_ps1_round_trip.py runs",
    "make test": "runs these tests",
    ".venv/bin/nbjudge audit ps1_rnn_sampling --mutants --sample 5": (
        "tests/nbjudge/test_mutation.py audits mutants, of a course that takes seconds"
    ),
    "make release VERSION=2027.1.0": "tests/test_releasing.py makes one, in a clone of its own",
    "make site": "tests/docs/test_site.py runs it",
    ".venv/bin/jupyter lab": "a server that does not end; tests/browser starts one",
    f".venv/bin/nbjudge watch {NAME}": "does not end; tests/nbjudge/test_watch.py stops it",
    ".venv/bin/python benchmarks/grading.py": "takes an hour",
    '.venv/bin/python -m pip install "psycopg[binary]"': "installs into the shared environment",
    ".venv/bin/nbjudge move-gradebook postgresql+psycopg://course@db.example.org/course": (
        "tests/nbjudge/test_postgresql.py moves one to a server of its own"
    ),
    "pg_dump --format=custom --file=gradebook.dump -h db.example.org -U course course": (
        "PostgreSQL's own"
    ),
    ".venv/bin/python benchmarks/grading.py --only stock --students 16": "takes eight minutes",
}


def lines_to_run(page: Path) -> list[str]:
    """The commands of a page, without comments, that no other test runs."""
    text = page.read_text(encoding="utf-8")
    if page.name in FOLLOWED:
        text = re.sub(FOLLOWED[page.name][0], "", text, flags=re.MULTILINE | re.DOTALL)
    return [re.sub(r"\s+# .*$", "", line) for line in command_lines(text)]


@pytest.fixture(scope="module")
def graded(course: Path, session_folder: Path) -> Path:
    """The clone, with the first problem set built, collected and graded."""
    give_files(course)
    with shared.shared_runs(session_folder, find_course(course), NAME):
        assert cli.main(["--course", str(course), "build", NAME]) == 0
    for words in (
        ["--course", str(course), "roster", str(course / "gradebook.csv")],
        ["--course", str(course), "collect", NAME, str(course / "submissions.zip")],
        ["--course", str(course), "grade", NAME],
    ):
        assert cli.main(words) == 0
    return course


def give_files(course: Path) -> None:
    """The files that pages name, as an LMS gives them."""
    right = (course / "source" / NAME / f"{NAME}.ipynb").read_text()
    wrong = right.replace("np.log(p", "np.log2(p")
    texts = {"ada": right, "alan": wrong, "hedy": right}
    pupils = {pupil.login: pupil for pupil in lms_class.CLASS if pupil.login in texts}
    for name in ("gradebook.csv", "class.csv", "theirs.csv"):
        lms_class.canvas_gradebook(course / name, "Recurrent networks, by hand", "25")
    times = dict.fromkeys(texts, "Monday, 12 October 2026, 6:42 PM")
    lms_class.moodle_worksheet(course / "worksheet.csv", "25", times)
    for file, named in (("submissions", lms_class.canvas_name), ("moodle", lms_class.moodle_name)):
        handed_in = {named(pupils[who], f"{NAME}.ipynb"): text for who, text in texts.items()}
        lms_class.write_zip(course / f"{file}.zip", handed_in)
    instructor = (ROOT / "docs" / "instructor.md").read_text(encoding="utf-8")
    (course / "requests.csv").write_text(named_blocks(instructor)["requests.csv"])
    (course / "other").mkdir()
    for who, text in texts.items():
        (course / "other" / f"{who}-final.ipynb").write_text(text)


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if set(lines_to_run(page)) - set(NOT_RUN)],
    ids=lambda page: page.name,
)
def test_the_commands_of_a_page_do_what_it_says(
    page: Path, graded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "course"
    shutil.copytree(graded, folder, ignore=shutil.ignore_patterns(".venv"))
    clone.set_up(folder)
    monkeypatch.chdir(folder)
    for line in lines_to_run(page):
        words = shlex.split(line)
        if line in NOT_RUN:
            continue
        if words[0] == ".venv/bin/nbjudge":
            assert cli.main(words[1:]) == 0, line
        else:
            shell(line, folder)


def test_what_is_not_run_is_on_a_page() -> None:
    shown = {line for page in PAGES for line in lines_to_run(page)}
    assert set(NOT_RUN) <= shown
