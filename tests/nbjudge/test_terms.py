"""Between two terms: nothing of the old one is lost, and nothing of it is left in the new one."""

import json
import shutil
import tomllib
import zipfile

import pytest
from small_course import COURSE, NAME, SHIFTED_TEST, TEST, answered, code, hand_in, tiny_notebook

from nbjudge import cli
from nbjudge.authoring import build, handed_out
from nbjudge.authoring.term_seeds import with_term
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.gradebook import students
from nbjudge.gradebook.connection import open_gradebook
from nbjudge.judge.answer_key import load_key
from nbjudge.workflow import archive, new_term
from nbjudge.workflow import grade as grading

RIGHT = "def scaled(values, factor):\n    return factor * values"
RULES = """due = 2026-10-15T23:59:00+02:00  # a Thursday

[[exception]]
student = "ada"
assignment = "tiny"
days = 3
"""


@pytest.fixture(scope="module")
def ended_once(built_folder, tmp_path_factory, executor):
    """A term that has ended: a submission, points of a person's, a record of what was handed."""
    folder = shutil.copytree(built_folder, tmp_path_factory.mktemp("ended") / "course")
    course = find_course(folder)
    handed_out.hand_out(course, NAME)
    hand_in(course, "ada", answered(course, scaled=RIGHT, answer_task="So."))
    (folder / "collected" / NAME / "ada").mkdir(parents=True)
    (folder / "collected" / NAME / "ada" / "first.ipynb").write_text("{}")
    (folder / "collected" / NAME / "ada" / "link").symlink_to("/etc/passwd")
    grading.grade(course, NAME, executor)
    assert cli.main(["--course", str(folder), "feedback", NAME]) == 0
    (folder / "autograded" / "README.md").write_text("Graded notebooks.\n")
    give(course, 0.5)
    return folder


def give(course, points: float) -> None:
    with open_gradebook(course) as gradebook:
        grade = gradebook.find_grade("task", NAME, NAME, "ada")
        grade.manual_score, grade.needs_manual_grade = points, False
        gradebook.db.commit()


@pytest.fixture
def ended(ended_once, tmp_path):
    """That course, the test's own to change."""
    return find_course(shutil.copytree(ended_once, tmp_path / "course", symlinks=True))


def nbjudge(course, *words: str) -> int:
    return cli.main(["--course", str(course.root), *words])


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def test_an_archive_opens_again_and_nothing_in_it_can_be_changed(ended, tmp_path, capsys):
    out = tmp_path / "autumn.zip"
    assert nbjudge(ended, "archive", str(out)) == 0
    with zipfile.ZipFile(out) as packed:
        packed.extractall(tmp_path / "autumn")
        mark = json.loads(packed.read("archive.json"))
    assert mark["nbjudge"] and "numpy" in mark["packages"] and mark["format"] == 1
    kept = find_course(tmp_path / "autumn")
    held = contents(kept.root)
    for name in (f"collected/{NAME}/ada/first.ipynb", "grades.csv", "history.csv", "course.toml",
                 f"feedback/ada/{NAME}/{NAME}.html", f"handed_out/{NAME}.json"):  # fmt: skip
        assert name in held
    assert not any("link" in name for name in held)  # it leads out of the course
    assert b"4.5,5,0,graded" in held["grades.csv"] and b"task,person,,0.5" in held["history.csv"]

    capsys.readouterr()
    there = str(tmp_path / "again.csv")
    assert nbjudge(kept, "grades", NAME, "--out", there) == 0
    assert b"4.5,5,0,graded" in (tmp_path / "again.csv").read_bytes()
    assert nbjudge(kept, "history", "--out", there) == 0
    assert nbjudge(kept, "report", NAME, "--out", str(tmp_path / "report")) == 0
    assert nbjudge(kept, "explain", NAME, "ada") == 0
    assert contents(kept.root) == held

    for words in (["grade", NAME], ["build"], ["collect", NAME], ["feedback", NAME],
                  ["archive", str(tmp_path / "x.zip")]):  # fmt: skip
        assert nbjudge(kept, *words) == 1
        assert "is the archive of a finished term" in capsys.readouterr().err
    with pytest.raises(CourseError, match="can be read and not changed"):
        open_gradebook(kept)
    with pytest.raises(CourseError, match="can be read and not changed"):
        students.enter(kept, [])
    assert contents(kept.root) == held


def test_an_archive_is_never_written_over_and_needs_a_term(ended, tmp_path, capsys):
    out = tmp_path / "autumn.zip"
    out.write_text("mine")
    assert nbjudge(ended, "archive", str(out)) == 1
    assert "exists already" in capsys.readouterr().err and out.read_text() == "mine"
    (ended.root / "gradebook.db").unlink()
    assert nbjudge(ended, "archive", str(tmp_path / "b.zip")) == 1
    assert "there is no term to keep" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["autumn.zip", "course"]


def test_a_new_term_starts_clean_and_keeps_what_is_the_courses(ended, tmp_path, capsys):
    (ended.root / "course.toml").write_text(COURSE + RULES)
    out = tmp_path / "autumn.zip"
    assert nbjudge(ended, "archive", str(out)) == 0
    source = ended.source(NAME).read_bytes()
    assert nbjudge(ended, "new-term", "2027 spring", "--archive", str(out)) == 0
    assert "due dates and attempts are still those" in capsys.readouterr().out
    assert sorted(contents(ended.root)) == [
        "autograded/README.md", "course.toml", f"handed_out/before/{NAME}.json",
        f"mistakes/{NAME}.toml", "nbgrader_config.py", f"source/{NAME}/{NAME}.ipynb",
    ]  # fmt: skip
    assert ended.source(NAME).read_bytes() == source
    course = find_course(ended.root)
    assert course.term.name == "2027 spring" and not course.policies.exceptions
    assert "# a Thursday" in (ended.root / "course.toml").read_text()
    assert handed_out.versions(course, NAME) == []


@pytest.mark.parametrize("what", ["points", "submission", "damaged", "other", "missing"])
def test_a_new_term_loses_nothing_that_is_not_in_the_archive(ended, tmp_path, what, capsys):
    out = tmp_path / "autumn.zip"
    assert nbjudge(ended, "archive", str(out)) == 0
    if what == "points":
        give(ended, 1)
    elif what == "submission":
        (ended.root / "collected" / NAME / "ada" / "second.ipynb").write_text("{}")
    elif what == "damaged":
        data = bytearray(out.read_bytes())
        data[len(data) // 2] ^= 255
        out.write_bytes(data)
    elif what == "other":
        with zipfile.ZipFile(out, "w") as archived:
            archived.writestr("archive.json", "{}")
    else:
        out.unlink()
    before = contents(ended.root)
    assert nbjudge(ended, "new-term", "2027", "--archive", str(out)) == 1
    reason = {
        "points": "holds another state of the gradebook",
        "submission": f"does not hold collected/{NAME}/ada/second.ipynb as it is now",
        "damaged": "autumn.zip",
        "other": "is not an archive that `nbjudge archive` made",
        "missing": "is not an archive that `nbjudge archive` made",
    }
    assert reason[what] in capsys.readouterr().err
    assert contents(ended.root) == before


def test_a_new_term_that_was_interrupted_can_be_begun_again(ended, tmp_path, monkeypatch):
    out = tmp_path / "autumn.zip"
    archive.write_archive(ended, out)
    with monkeypatch.context() as patch:
        patch.setattr(new_term, "write_text", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            new_term.begin(ended, "2027", out)
    new_term.begin(ended, "2027", out)
    assert find_course(ended.root).term.name == "2027"
    assert not (ended.root / ".last_term").exists() and not (ended.root / "submitted/ada").exists()


@pytest.mark.parametrize(
    "text",
    [
        COURSE,
        COURSE + RULES,
        "[course]\n" + COURSE.replace('title = "A tiny course"\nlibrary = "lmlib"\n', ""),
        COURSE + "\n[course]  # points\nterm = 'old'  # last\nweights = {tiny = 3}\n",
        COURSE + RULES + "\n[course]\ndrop_lowest = 0\n\n[course.weights]\ntiny = 3\n",
    ],
)
def test_course_toml_changes_in_its_term_and_its_exceptions_only(text):
    made = new_term.with_term(text, 'A "new" \\ term')
    before, after = tomllib.loads(text), tomllib.loads(made)
    assert after["course"].pop("term") == 'A "new" \\ term'
    before.pop("exception", None)
    before.get("course", {}).pop("term", None)
    assert after == {"course": {}, **before}
    comments = [line for line in text.splitlines() if "#" in line and "last" not in line]
    assert all(line in made for line in comments)


def test_a_course_toml_of_another_kind_is_left_to_a_person():
    with pytest.raises(CourseError, match="remove the exceptions by hand"):
        new_term.with_term('course.term = "x"\n' + COURSE, "2027")


def test_a_term_draws_new_inputs_and_the_build_proves_them(build_tiny, executor):
    course = build_tiny()
    before = load_key(course.key(NAME), NAME)
    text = course.release(NAME).read_text()
    (course.root / "course.toml").write_text(COURSE + "\n[course]\nterm = '2027 spring'\n")
    course = find_course(course.root)
    with pytest.raises(CourseError, match="have changed since its answer key was built"):
        grading.grade(course, NAME, executor)
    assert build.build(course, NAME, executor, lambda *_: None)
    after = load_key(course.key(NAME), NAME)
    values = [[one.value for one in key.cells[0].expectations] for key in (before, after)]
    assert all(one != other for one, other in zip(*values, strict=True))
    assert course.release(NAME).read_text() == text  # students get the same notebook
    hand_in(course, "ada", answered(course, scaled=RIGHT))
    (record,) = grading.grade(course, NAME, executor)
    assert record.score == 4


def seeded(source: str, term: str = "2027") -> str:
    notebook = tiny_notebook()
    notebook.cells[4:5] = [code("scaled_test", source, grade=True, points=4)]
    return with_term(notebook, term).cells[4].source


@pytest.mark.parametrize(
    ("call", "is_seeded"),
    [
        ("np.random.default_rng(3)", True),
        ("default_rng(seed=é)", True),
        ("torch.manual_seed(seed + 1)", True),
        ("np.random.RandomState(3)", True),
        ("np.random.default_rng()", False),
        ("np.random.default_rng([1, 2])", False),
        ("draw(3)", False),
        ("'default_rng(3)'", False),
    ],
)
def test_seeds_of_hidden_generators_and_nothing_else_change(call, is_seeded):
    source = f"### BEGIN HIDDEN TESTS\n'é'; x = {call}; y = 3\n### END HIDDEN TESTS"
    made = seeded(source)
    assert (made != source) == is_seeded
    assert seeded(source, "") == source
    assert not is_seeded or seeded(source, "2028") != made
    compile(made, "", "exec")


def test_the_same_seed_stays_the_same_in_hidden_tests_and_key():
    source = TEST.replace("### END KEY", "again = np.random.default_rng(3)\n### END KEY")
    made = seeded(source)
    (one, other) = [part.split(")")[0] for part in made.split("default_rng(")[1:]]
    assert one == other and one.endswith(" + (3")
    outside = "rng = np.random.default_rng(3)\n" + SHIFTED_TEST
    assert seeded(outside) == outside  # students have seen it
