"""Scored files from hand-in to gradebook: made with a test set, graded by the course's scorer."""

import shutil

import numpy as np
import pytest
from held_out_files import SMALL, predictions, true_scores
from nbgrader.api import Gradebook
from small_course import COURSE, NAME, answered, code, hand_in, quiet, tiny_notebook

from lmlib.utterances import decode
from nbjudge.authoring import build
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.judge import answer_key
from nbjudge.workflow import feedback, grade
from scorers import held_out, test_set

RIGHT = "def scaled(values, factor):\n    return factor * values"


@pytest.fixture(scope="module")
def built(built_once):
    """The tiny course with two grade cells for submitted files."""
    made = test_set.make
    notebook = tiny_notebook()
    for number, file in enumerate((held_out.PREDICTIONS, held_out.GENERATIONS)):
        cell = code(f"file_{number}_test", f"# points for {file}", grade=True, points=8)
        cell.metadata["nbjudge"] = {"scored_file": file}
        notebook.cells.append(cell)
    files = f'files = ["{held_out.PREDICTIONS}", "{held_out.GENERATIONS}"]\n'
    scorer = 'scorer = "scorers.held_out:SCORER"\n'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_set, "make", lambda: made(seed=6, sizes=SMALL))
        settings = COURSE.rstrip("\n") + f"\n{files}{scorer}"
        return built_once(settings, notebook=notebook)


@pytest.fixture
def course(built, tmp_path):
    return find_course(shutil.copytree(built, tmp_path / "course"))


def kept(course):
    """The test set that is kept next to the answer key."""
    packed = answer_key.load_key(course.key(NAME), NAME).test_set
    assert packed is not None
    return test_set.unpack(packed)


def test_what_is_held_out_is_nowhere_in_the_release(course):
    held = kept(course)
    folder = course.release(NAME).parent
    with np.load(folder / "contexts.npz", allow_pickle=False) as released:
        arrays = dict(released)
    assert set(arrays) == {
        "validation", "validation_follow", "contexts", "beginnings", "test_set",
    }  # fmt: skip
    known = "".join(path.read_bytes().decode("latin-1") for path in folder.glob("*.ipynb"))
    for begun, follow in zip(held.beginnings, held.beginnings_follow, strict=True):
        assert decode(follow) not in known
        assert not any((row[1:] == begun[-30:]).all() for row in arrays["validation"])


def test_a_test_set_is_kept_by_the_next_build(course, executor):
    before = kept(course).name
    path = course.source(NAME)
    path.write_text(path.read_text().replace("# points for", "# the points for"))
    assert build.build(find_course(course.root), NAME, executor, quiet)
    assert kept(course).name == before


# ---- from hand-in to gradebook


def test_files_are_scored_entered_and_told(course, executor):
    held = kept(course)
    path = hand_in(course, "ada", answered(course, scaled=RIGHT))
    (path.parent / held_out.PREDICTIONS).write_bytes(predictions(held, true_scores(held, 9)))
    (path.parent / held_out.GENERATIONS).write_bytes(b"no generations")
    hand_in(course, "bob", answered(course, scaled=RIGHT))
    records = {record.student: record for record in grade.grade(course, NAME, executor)}

    scores = {name: [v.score for v in record.verdicts] for name, record in records.items()}
    assert scores == {"ada": [4, 8, 0], "bob": [4, 0, 0]}
    with Gradebook(course.gradebook_url) as gradebook:
        entered = {one.student.id: one.score for one in gradebook.assignment_submissions(NAME)}
    assert entered == {"ada": 12, "bob": 4}
    written, _ = feedback.write_feedback(course, NAME)
    pages = [" ".join(page.read_text().split()) for page in written]
    assert "generations.txt was made for other contexts" in pages[0]
    assert "There is no file predictions.npz" in pages[1]


def test_what_is_edited_afterwards_is_scored_again(course, executor):
    held = kept(course)
    path = hand_in(course, "ada", answered(course, scaled=RIGHT))
    (path.parent / held_out.PREDICTIONS).write_bytes(predictions(held, true_scores(held, 9)))
    [record] = grade.grade(course, NAME, executor)
    assert record.verdicts[1].score == 8
    (path.parent / held_out.PREDICTIONS).write_bytes(predictions(held, true_scores(held, 0)))
    [record] = grade.grade(course, NAME, executor)
    assert record.verdicts[1].score == 0


def test_a_lost_test_set_is_said(course):
    (course.key(NAME) / answer_key.TEST_SET).unlink()
    with pytest.raises(CourseError, match="test set"):
        answer_key.load_key(course.key(NAME), NAME)
