"""Submitted files: made for text that is held back, scored as data, never trusted."""

import io
import shutil
import zipfile

import numpy as np
import pytest
from nbgrader.api import Gradebook
from small_course import COURSE, NAME, answered, code, hand_in, quiet, tiny_notebook

from lmlib import stories
from lmlib.utterances import decode, encode
from nbjudge.authoring import build
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError
from nbjudge.judge import answer_key
from nbjudge.workflow import feedback, grade
from scorers import held_out, test_set

SMALL = test_set.Sizes(contexts=60, beginnings=12, public=60_000, oracle=300_000)
RIGHT = "def scaled(values, factor):\n    return factor * values"


@pytest.fixture(scope="module")
def held():
    return test_set.make(seed=5, sizes=SMALL)


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
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_set, "make", lambda: made(seed=6, sizes=SMALL))
        return built_once(COURSE.replace("cell_sec", f"{files}cell_sec"), notebook=notebook)


@pytest.fixture
def course(built, tmp_path):
    return find_course(shutil.copytree(built, tmp_path / "course"))


def true_scores(held, sharpness=3.0):
    scores = np.zeros((len(held.contexts), 31), dtype=np.float32)
    scores[np.arange(len(scores)), held.contexts_follow] = sharpness
    return scores


def predictions(held, scores=None, **arrays):
    file = io.BytesIO()
    scores = true_scores(held) if scores is None else scores
    np.savez(file, **{"scores": scores, "fixture": np.array(held.name), **arrays})
    return file.getvalue()


def generations(held, lines=None, name=None):
    lines = [decode(row) for row in held.beginnings_follow] if lines is None else lines
    return "\n".join([f"fixture {name or held.name}", *lines]).encode()


# ---- the fixture


def test_what_is_held_back_is_nowhere_in_the_release(course):
    held = answer_key.load_key(course.key(NAME), NAME).fixture
    folder = course.release(NAME).parent
    with np.load(folder / "contexts.npz", allow_pickle=False) as released:
        arrays = dict(released)
    assert set(arrays) == {
        "validation", "validation_follow", "contexts", "beginnings", "fixture",
    }  # fmt: skip
    known = "".join(path.read_bytes().decode("latin-1") for path in folder.glob("*.ipynb"))
    for begun, follow in zip(held.beginnings, held.beginnings_follow, strict=True):
        assert decode(follow) not in known
        assert not any((row[1:] == begun[-30:]).all() for row in arrays["validation"])


def test_no_line_is_public_and_the_oracle_has_not_read_them(held):
    public = stories.utterances(SMALL.public)
    oracle = decode(held.oracle)
    for begun, follow in zip(held.beginnings, held.beginnings_follow, strict=True):
        line = decode([*begun, *follow])
        assert line not in public
        assert line not in oracle


def test_a_fixture_is_kept_by_the_next_build(course, executor):
    before = answer_key.load_key(course.key(NAME), NAME).fixture.name
    (course.root / "course.toml").write_text(
        (course.root / "course.toml").read_text().replace("cell_seconds = 20", "cell_seconds = 30")
    )
    assert build.build(find_course(course.root), NAME, executor, quiet)
    assert answer_key.load_key(course.key(NAME), NAME).fixture.name == before


def test_without_its_seed_a_fixture_is_another_one():
    first, second = (test_set.make(sizes=SMALL).name for _ in range(2))
    assert first != second


# ---- scores


def test_true_text_earns_everything_and_simple_means_do_not(held):
    share, words = held_out.score_predictions(held, predictions(held, true_scores(held, 9)))
    assert share == 1 and "nats per character" in words
    uniform = np.zeros((len(held.contexts), 31), dtype=np.float32)
    assert held_out.score_predictions(held, predictions(held, uniform))[0] == 0
    share, words = held_out.score_generations(held, generations(held))
    assert share > 0.8 and "the judge was an n-gram model of other stories" in words


def test_a_copy_of_the_input_fails_both(held):
    copied = np.zeros((len(held.contexts), 31), dtype=np.float32)
    copied[np.arange(len(copied)), held.contexts[:, -1]] = 5.0
    assert held_out.score_predictions(held, predictions(held, copied))[0] == 0
    lines = [decode(row[-30:]) for row in held.beginnings]
    assert held_out.score_generations(held, generations(held, lines))[0] < 1e-9


def test_a_table_of_pairs_earns_nothing(held):
    pairs = np.ones((31, 31))
    for line in stories.utterances(SMALL.public).splitlines():
        tokens = np.array(encode(line))
        np.add.at(pairs, (tokens[:-1], tokens[1:]), 1)
    log_p = np.log(pairs / pairs.sum(axis=1, keepdims=True)).astype(np.float32)
    scores = log_p[held.contexts[:, -1]]
    assert held_out.score_predictions(held, predictions(held, scores))[0] < 0.05
    generator = np.random.default_rng(1)
    written = []
    for row in held.beginnings:
        tokens = [int(row[-1])]
        for _ in range(30):
            p = np.exp(log_p[tokens[-1], 3:])
            tokens.append(3 + int(generator.choice(28, p=p / p.sum())))
        written.append(decode(tokens[1:]))
    assert held_out.score_generations(held, generations(held, written))[0] == 0


@pytest.mark.parametrize(
    "line", ["A" * 30, "THE CAT " * 3 + "THE CA", " AND THE DOG SAW THE CAT AND TH"]
)
def test_text_that_goes_round_or_is_always_the_same_earns_nothing(held, line):
    share, words = held_out.score_generations(held, generations(held, [line[:30]] * 12))
    assert share < 1e-9 and "12 repeat themselves" in words


# ---- bad files


BAD_PREDICTIONS = {
    "no .npz": (lambda held: b"scores", "is no .npz file"),
    "a truncated file": (lambda held: predictions(held)[:-40], "is no .npz file"),
    "another shape": (
        lambda held: predictions(held, true_scores(held)[:, :-1]),
        r"shape \(60, 30\), not \(60, 31\)",
    ),
    "integers": (lambda held: predictions(held, true_scores(held).astype(int)), "type int64"),
    "objects": (
        lambda held: predictions(held, np.array([None] * 60, dtype=object)),
        "is no .npz file of plain arrays",
    ),
    "NaN": (
        lambda held: predictions(held, np.full((60, 31), np.nan, dtype=np.float32)),
        r"NaN or infinite, the first at \[0, 0\]",
    ),
    "another fixture": (
        lambda held: predictions(held, fixture=np.array("0123456789ab")),
        "made for other contexts",
    ),
    "too large": (
        lambda held: predictions(held, np.zeros((60, 15000), dtype=np.float32)),
        "is too large",
    ),
    "a missing array": (lambda held: without_scores(held), "lacks an array"),
}


def without_scores(held):
    file = io.BytesIO()
    np.savez(file, fixture=np.array(held.name))
    return file.getvalue()


@pytest.mark.parametrize("what", BAD_PREDICTIONS)
def test_bad_predictions_get_a_sentence_of_their_own(held, what):
    make, sentence = BAD_PREDICTIONS[what]
    with pytest.raises(held_out.BadFile, match=sentence):
        held_out.score_predictions(held, make(held))


BAD_GENERATIONS = {
    "bytes": (lambda held: b"\xff\xfe", "is no text"),
    "nothing": (lambda held: b"", "is no text"),
    "too few": (lambda held: generations(held, ["A" * 30]), "has 1 generations, not 12"),
    "too long": (lambda held: generations(held, ["A" * 31] * 12), "31 characters in generation 1"),
    "small letters": (lambda held: generations(held, ["a" * 30] * 12), "no symbol for 'a'"),
    "another fixture": (
        lambda held: generations(held, name="0123456789ab"),
        "made for other contexts",
    ),
}


@pytest.mark.parametrize("what", BAD_GENERATIONS)
def test_bad_generations_get_a_sentence_of_their_own(held, what):
    make, sentence = BAD_GENERATIONS[what]
    with pytest.raises(held_out.BadFile, match=sentence):
        held_out.score_generations(held, make(held))


def test_a_zip_bomb_is_not_unpacked(held):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("scores.npy", b"\0" * 50_000_000)
    with pytest.raises(held_out.BadFile, match="is too large"):
        held_out.score_predictions(held, file.getvalue())


# ---- from hand-in to gradebook


def test_files_are_scored_entered_and_told(course, executor):
    held = answer_key.load_key(course.key(NAME), NAME).fixture
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


def test_what_is_edited_afterwards_is_scored_anew(course, executor):
    held = answer_key.load_key(course.key(NAME), NAME).fixture
    path = hand_in(course, "ada", answered(course, scaled=RIGHT))
    (path.parent / held_out.PREDICTIONS).write_bytes(predictions(held, true_scores(held, 9)))
    [record] = grade.grade(course, NAME, executor)
    assert record.verdicts[1].score == 8
    (path.parent / held_out.PREDICTIONS).write_bytes(predictions(held, true_scores(held, 0)))
    [record] = grade.grade(course, NAME, executor)
    assert record.verdicts[1].score == 0


def test_a_lost_fixture_is_said(course):
    (course.key(NAME) / answer_key.FIXTURE).unlink()
    with pytest.raises(CourseError, match="held-back texts"):
        answer_key.load_key(course.key(NAME), NAME)
