"""nbgrader's exchange with our wiring: from a release to the feedback in the student's hands."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from nbgrader.tests import run_nbgrader
from small_course import NAME, SANDBOX, answered, hand_in

from nbjudge import cli
from nbjudge.core.course import Course
from nbjudge.core.notebooks import notebook_text, read_notebook

RIGHT = "def scaled(values, factor):\n    return factor * values"
SECRETS = ("timestamp.txt", "submission_secret.txt")


@dataclass
class Class:
    """A course and an exchange on one machine, with a home for each student."""

    course: Course
    place: Path
    patch: pytest.MonkeyPatch

    def instructor(self, *words: str, code: int = 0) -> str:
        return self._nbgrader(self.course.root, *words, code=code)

    def student(self, name: str, command: str, *words: str) -> str:
        home = self.place / name
        home.mkdir(exist_ok=True)
        return self._nbgrader(home, command, NAME, "--course=language_models", *words)

    def _nbgrader(self, folder: Path, *words: str, code: int = 0) -> str:
        """What an nbgrader command logs that ends with `code`."""
        self.patch.chdir(folder)
        exchange = f"--Exchange.root={self.place / 'exchange'}"
        try:
            return run_nbgrader([*words, exchange, f"--Exchange.cache={folder / '.cache'}"], code)
        finally:
            self.patch.chdir(self.course.root)

    def files(self, folder: Path) -> set[str]:
        return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

    def works(self, name: str, answer: str) -> None:
        """Fetch, answer, submit."""
        self.student(name, "fetch_assignment")
        path = self.place / name / NAME / f"{NAME}.ipynb"
        notebook = read_notebook(path)
        next(cell for cell in notebook.cells if cell.id == "scaled").source = answer
        path.write_text(notebook_text(notebook))
        (path.parent / "numpy.py").write_text("raise SystemExit")
        (path.parent / ".hidden").write_text("x")
        (path.parent / "page.html").write_text("<script>x</script>")
        self.student(name, "submit", f"--student={name}")

    def pages(self, name: str) -> list[Path]:
        return sorted((self.place / name / NAME / "feedback").rglob("*.html"))


@pytest.fixture
def school(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Class:
    monkeypatch.chdir(course.root)
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))
    (tmp_path / "exchange").mkdir(mode=0o777)
    (tmp_path / "exchange").chmod(0o777)
    return Class(course, tmp_path, monkeypatch)


def test_an_assignment_goes_to_students_and_comes_back_and_so_does_its_feedback(school):
    school.instructor("release_assignment", NAME)
    outbound = school.place / "exchange" / "language_models" / "outbound"
    assert school.files(outbound) == {f"{NAME}/{NAME}.ipynb"}
    school.works("ada", RIGHT)
    school.works("zoe", "def scaled(values, factor):\n    return values")
    assert NAME in school.instructor("list", "--inbound")
    school.instructor("collect", NAME)
    submitted = school.files(school.course.submitted("ada", NAME))
    assert submitted >= {f"{NAME}.ipynb", "numpy.py", *SECRETS}

    assert cli.main(["grade", NAME, f"--sandbox={SANDBOX}"]) == 0
    assert cli.main(["feedback", NAME]) == 0
    graded = school.course.autograded_notebook("ada", NAME).parent
    assert school.files(graded) == {f"{NAME}.ipynb", *SECRETS}
    school.instructor("release_feedback", NAME)
    for name in ("ada", "zoe"):
        school.student(name, "fetch_feedback", f"--student={name}")
        (page,) = school.pages(name)
        ours = school.course.feedback(name, NAME) / f"{NAME}.html"
        assert page.read_bytes() == ours.read_bytes()


def test_nbgraders_own_grading_and_feedback_take_the_same_way(school):
    school.instructor("release_assignment", NAME)
    school.works("ada", RIGHT)
    school.instructor("collect", NAME)
    none = [] if SANDBOX == "auto" else ["--Execute.sandbox=none"]
    for command in (["autograde", NAME, *none], ["generate_feedback", NAME]):
        school.instructor(*command)
    for folder, name in (("autograded", f"{NAME}.ipynb"), ("feedback", f"{NAME}.html")):
        found = school.files(school.course.root / folder / "ada" / NAME)
        assert found == {name, *SECRETS}, folder
    school.instructor("release_feedback", NAME)
    school.student("ada", "fetch_feedback", "--student=ada")
    assert len(school.pages("ada")) == 1


def test_feedback_goes_to_the_submission_that_was_graded_not_to_a_newer_one(school):
    school.instructor("release_assignment", NAME)
    school.works("ada", RIGHT)
    school.instructor("collect", NAME)
    assert cli.main(["grade", NAME, f"--sandbox={SANDBOX}"]) == 0
    secret = (school.course.submitted("ada", NAME) / SECRETS[1]).read_text()
    school.student("ada", "submit", "--student=ada")
    school.instructor("collect", NAME, "--update")
    assert (school.course.submitted("ada", NAME) / SECRETS[1]).read_text() != secret
    assert cli.main(["feedback", NAME]) == 0
    assert (school.course.feedback("ada", NAME) / SECRETS[1]).read_text() == secret


def test_feedback_on_what_came_another_way_is_named_and_the_rest_is_released(school):
    school.instructor("release_assignment", NAME)
    school.works("ada", RIGHT)
    school.instructor("collect", NAME)
    hand_in(school.course, "zoe", answered(school.course, scaled=RIGHT))
    assert cli.main(["grade", NAME, f"--sandbox={SANDBOX}"]) == 0
    assert cli.main(["feedback", NAME]) == 0
    said = school.instructor("release_feedback", NAME, code=1)
    assert "The feedback of zoe was not released" in said
    assert "Traceback" not in said
    school.student("ada", "fetch_feedback", "--student=ada")
    assert len(school.pages("ada")) == 1


def test_a_solution_holds_neither_key_nor_hidden_tests_nor_mark_scheme(school):
    school.instructor("generate_solution", NAME)
    path = school.course.root / "solution" / NAME / f"{NAME}.ipynb"
    text = path.read_text()
    assert "values * factor" in text and "[2. 2.]" in text  # it has run
    for secret in ("BEGIN KEY", "BEGIN HIDDEN TESTS", "BEGIN MARK SCHEME", "expect(", "observe("):
        assert secret not in text


@pytest.mark.parametrize(
    "words",
    [
        ["autograde", NAME],
        ["generate_feedback", NAME],
        ["generate_assignment", NAME, "--force"],
        ["generate_assignment", NAME, "--force", "--create"],
    ],
)
def test_what_nbgrader_cannot_do_is_told_in_a_sentence(school, words):
    hand_in(school.course, "ada", answered(school.course, scaled=RIGHT))
    if words[0] == "autograde":
        (school.course.key(NAME) / "key.json").unlink()
        sentence = f"There is no answer key of {NAME} yet"
    elif words[0] == "generate_feedback":
        path = school.course.autograded_notebook("ada", NAME)
        path.parent.mkdir(parents=True)
        path.write_text(notebook_text(answered(school.course)))
        sentence = "was not graded by nbjudge; run `nbjudge grade tiny`"
    elif words[-1] == "--create":
        (school.course.source(NAME).parent / "solved.py").write_text("def scaled(): ...")
        sentence = "a source folder holds its notebook and nothing else"
    else:
        settings = school.course.root / "course.toml"
        settings.write_text(settings.read_text().replace("lmlib", "no_such_library"))
        sentence = "no_such_library"
    said = school.instructor(*words, code=1)
    assert sentence in said and "Traceback" not in said
    assert not school.course.feedback("ada", NAME).exists()
    assert not (school.course.release(NAME).parent / "solved.py").exists()
