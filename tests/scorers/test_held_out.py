"""Files made for held-out text: scored as data, never trusted; no points without a model."""

import io
import zipfile

import numpy as np
import pytest
from held_out_files import SMALL, generations, predictions, true_scores

from lmlib import experiments, stories
from lmlib.submission_files import GENERATIONS, PREDICTIONS
from lmlib.utterances import decode, encode
from nbjudge.core.errors import CourseError
from scorers import held_out, test_set
from scorers.ngrams import NGrams


def share(held, scores):
    return held_out.score_predictions(held, predictions(held, scores))[0]


def written(held, lines=None, scores=None):
    """The share and the words for generations, next to predictions that earn all points."""
    good = predictions(held, true_scores(held, 9) if scores is None else scores)
    files = {GENERATIONS: generations(held, lines), PREDICTIONS: good}
    return held_out.score_generations(held, files)


@pytest.fixture(scope="module")
def public():
    """The public text as tokens."""
    lines = stories.utterances(400_000).splitlines()
    return np.array([token for line in lines for token in encode(line)])


# ---- the test set


def test_no_line_is_public_and_the_judge_has_not_read_them(held):
    public = stories.utterances(SMALL.public)
    known = decode(held.judge_text)
    for begun, follow in zip(held.beginnings, held.beginnings_follow, strict=True):
        line = decode([*begun, *follow])
        assert line not in public
        assert line not in known


def test_without_its_seed_a_test_set_is_another_one():
    first, second = (test_set.make(sizes=SMALL).name for _ in range(2))
    assert first != second


def test_contexts_have_one_slip_each_near_the_end():
    rows = np.stack([np.random.default_rng(seed).permutation(31) for seed in range(200)])
    draws = iter(np.linspace(0, 0.99, 200))
    slipped = experiments.with_slips(rows.astype(np.uint8), draws.__next__)
    places = np.argwhere(slipped != rows)
    assert (np.bincount(places[:, 0], minlength=200) == 2).all()
    firsts, seconds = places[::2, 1], places[1::2, 1]
    assert (seconds == firsts + 1).all() and set(31 - seconds) == set(experiments.SLIPS)
    assert (slipped[:, -1] == rows[:, -1]).all()
    assert (np.sort(slipped) == np.sort(rows)).all()


def test_equal_neighbors_are_no_slip():
    rows = np.full((3, 31), 7, dtype=np.uint8)
    assert (experiments.with_slips(rows, lambda: 0.5) == rows).all()


def test_too_few_sentences_are_said():
    with pytest.raises(CourseError, match="lacks sentences: of 3 with 31 characters there are 1"):
        test_set._sentences(iter(["A" * 40, "B"]), 3, 30, 1)


def test_a_packed_test_set_comes_back_and_a_damaged_one_is_said(held):
    packed = test_set.pack(held)
    assert test_set.unpack(packed).name == held.name
    with pytest.raises(CourseError, match="are damaged"):
        test_set.unpack(packed[:-30])


def test_students_get_no_answer(held):
    [(name, content)] = held_out.SCORER.handed_out(test_set.pack(held)).items()
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        assert name in held_out.SCORER.hands_out
        assert set(arrays.files) == {
            "validation", "validation_follow", "contexts", "beginnings", "test_set",
        }  # fmt: skip


# ---- predictions


def test_right_scores_earn_everything(held):
    earned, words = held_out.score_predictions(held, predictions(held, true_scores(held, 9)))
    assert earned == 1 and "nats per character" in words


@pytest.mark.parametrize("size", [0, 1, 1e6, 1e12])
def test_equal_scores_are_a_uniform_guess_however_large(held, size):
    equal = np.full((60, 31), float(size))
    assert test_set.next_character_nll(equal, held.contexts_follow) == pytest.approx(np.log(31))
    assert share(held, equal) == 0


def test_the_cost_does_not_depend_on_what_is_added_to_a_row(held):
    scores = np.random.default_rng(1).normal(size=(60, 31))
    before = test_set.next_character_nll(scores, held.contexts_follow)
    for more in (1e3, -1e9, 1e11):
        after = test_set.next_character_nll(scores + more, held.contexts_follow)
        assert after == pytest.approx(before, abs=1e-3)


@pytest.mark.parametrize("order", range(2, 9))
@pytest.mark.parametrize("sharpness", [1, 0.5])
def test_counting_earns_nothing(held, public, order, sharpness):
    *_, p = NGrams(public, order).of_each_order(held.contexts)
    assert share(held, sharpness * np.log(p)) == 0


def test_the_best_count_model_is_the_one_that_earns_nothing(held):
    tokens = [t for line in stories.utterances(SMALL.public).splitlines() for t in encode(line)]
    costs = [
        test_set.next_character_nll(np.log(p) / temperature, held.contexts_follow)
        for order in range(1, 9)
        for p in [NGrams(np.array(tokens), order).probabilities(held.contexts)]
        for temperature in (1, 2, 3)
    ]
    assert float(held.counting) == pytest.approx(min(costs), abs=0.05)
    assert float(held.counting) <= min(costs)


def test_what_beats_counting_earns_points(held):
    scale = held_out.SCALES[PREDICTIONS]
    found = {}
    for sharpness in np.linspace(0, 9, 40):
        nats = test_set.next_character_nll(true_scores(held, sharpness), held.contexts_follow)
        found[nats - float(held.counting)] = share(held, true_scores(held, sharpness))
    for gap, earned in found.items():
        assert earned == pytest.approx(np.clip(gap / scale.full, 0, 1), abs=1e-4)
    assert {0.0, 1.0} < set(found.values()), "and there are shares between"


def test_copying_what_follows_the_longest_match_earns_nothing(held, public):
    grams, counts = NGrams(public, 12), np.ones((60, 31))
    for length in range(12):
        follow = grams.followers(held.contexts[:, 31 - length :].astype(int))
        counts = np.where(follow.sum(axis=1, keepdims=True) > 0, follow + 0.01, counts)
    assert share(held, np.log(counts)) == 0


def test_a_copy_of_the_last_character_earns_nothing(held):
    copied = np.zeros((60, 31))
    copied[np.arange(60), held.contexts[:, -1]] = 5.0
    assert share(held, copied) == 0


def test_sharper_or_blunter_than_right_costs_points(held):
    p = np.full((60, 31), 0.4 / 30)
    p[np.arange(60), np.where(np.arange(60) % 5 < 3, held.contexts_follow, 4)] = 0.6
    found = [
        test_set.next_character_nll(sharpness * np.log(p), held.contexts_follow)
        for sharpness in (0.5, 1, 2)
    ]
    assert found[1] < min(found[0], found[2])


# ---- generations


def test_what_really_follows_earns_nearly_everything(held):
    earned, words = written(held)
    assert earned > 0.8 and "the judge was an n-gram model of other stories" in words


def test_what_follows_another_earns_less(held):
    other = [decode(row) for row in np.roll(held.beginnings_follow, 1, axis=0)]
    assert written(held, other)[0] < written(held)[0]


def test_a_copy_of_the_beginning_earns_nothing(held):
    assert written(held, [decode(row[-30:]) for row in held.beginnings])[0] < 1e-9


def test_a_table_of_pairs_earns_nothing(held, public):
    grams, generator = NGrams(public, 2), np.random.default_rng(1)
    rows = held.beginnings
    for _ in range(30):
        p = grams.probabilities(rows)[:, 3:]
        drawn = [3 + generator.choice(28, p=row / row.sum()) for row in p]
        rows = np.column_stack([rows, drawn])
    assert written(held, [decode(row[-30:]) for row in rows])[0] < 1e-9


@pytest.mark.parametrize(
    "line", ["A" * 30, "THE CAT " * 3 + "THE CA", " AND THE DOG SAW THE CAT AND TH"]
)
def test_text_that_goes_round_or_is_always_the_same_earns_nothing(held, line):
    earned, words = written(held, [line[:30]] * 12)
    assert earned < 1e-9 and "12 repeat themselves" in words


def test_nonsense_costs_no_more_than_worthless_text(held):
    lines = [decode(row) for row in held.beginnings_follow]
    letters = np.random.default_rng(1).permuted([list("BCDFGHJKLMNPQRSTVWXZ")] * 7, axis=1)
    nonsense = ["".join(row) + "".join(row[:10]) for row in letters]
    shares = []
    for bad in (nonsense, ["A" * 30] * 7):
        added = held_out.read_generations(generations(held, [*bad, *lines[7:]]), held)
        shares.append(held_out.judged_generations(held, added)[0])
    assert shares[0] == pytest.approx(shares[1])
    assert 0 < shares[0] < held_out.judged_generations(held, held.beginnings_follow)[0]


def test_generations_earn_no_more_than_the_predictions_of_the_run(held):
    earned, words = written(held, scores=np.zeros((60, 31)))
    assert earned == 0 and "no larger share than predictions.npz: 0% instead of" in words
    alone = {GENERATIONS: generations(held)}
    assert held_out.score_generations(held, alone)[0] == 0
    assert held_out.score_generations(held, alone | {PREDICTIONS: b"none"})[0] == 0


def test_the_scorer_reads_the_file_that_is_asked_for(held):
    files = {GENERATIONS: generations(held), PREDICTIONS: predictions(held, true_scores(held, 9))}
    packed = test_set.pack(held)
    assert held_out.SCORER.score(PREDICTIONS, files, packed)[0] == 1
    assert 0.8 < held_out.SCORER.score(GENERATIONS, files, packed)[0] <= 1


# ---- bad files


def archive(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


BAD_PREDICTIONS = {
    "nothing": (lambda held: b"", "is empty"),
    "not an .npz": (lambda held: b"scores", "is not an .npz file"),
    "a truncated file": (lambda held: predictions(held)[:-40], "is not an .npz file"),
    "another shape": (
        lambda held: predictions(held, true_scores(held)[:, :-1]),
        r"shape \(60, 30\), not \(60, 31\)",
    ),
    "integers": (lambda held: predictions(held, true_scores(held).astype(int)), "type int64"),
    "objects": (
        lambda held: predictions(held, np.array([None] * 60, dtype=object)),
        "is not an .npz file of plain arrays",
    ),
    "NaN": (
        lambda held: predictions(held, np.full((60, 31), np.nan, dtype=np.float32)),
        r"NaN or infinite, the first at \[0, 0\]",
    ),
    "scores of no model": (
        lambda held: predictions(held, np.full((60, 31), 1e30)),
        r"holds the score 1e\+30 at \[0, 0\]",
    ),
    "another test set": (
        lambda held: predictions(held, test_set=np.array("0123456789ab")),
        "made for other contexts",
    ),
    "too large": (
        lambda held: predictions(held, np.zeros((60, 15000), dtype=np.float32)),
        "is too large",
    ),
    "a missing array": (lambda held: archive(test_set=np.array(held.name)), "lacks an array"),
}


@pytest.mark.parametrize("what", BAD_PREDICTIONS)
def test_bad_predictions_get_a_sentence_of_their_own(held, what):
    make, sentence = BAD_PREDICTIONS[what]
    with pytest.raises(held_out.BadFile, match=sentence):
        held_out.score_predictions(held, make(held))


BAD_GENERATIONS = {
    "bytes": (lambda held: b"A\xe9B", "is not plain ASCII text: byte 1 is 0xe9"),
    "nothing": (lambda held: b"\n", "is empty"),
    "a byte order mark": (
        lambda held: b"\xef\xbb\xbf" + generations(held),
        "begins with a byte order mark",
    ),
    "UTF-16": (
        lambda held: generations(held).decode().encode("utf-16"),
        "begins with a byte order mark",
    ),
    "too few": (lambda held: generations(held, ["A" * 30]), "has 1 generations, not 12"),
    "too long": (lambda held: generations(held, ["A" * 31] * 12), "31 characters in generation 1"),
    "lower case": (
        lambda held: generations(held, ["A" * 30, "a" * 30, *["A" * 30] * 10]),
        "lower-case letters in generation 2",
    ),
    "digits": (lambda held: generations(held, ["1" * 30] * 12), "no symbol for '1'"),
    "another test set": (
        lambda held: generations(held, name="0123456789ab"),
        "made for other contexts",
    ),
}


@pytest.mark.parametrize("what", BAD_GENERATIONS)
def test_bad_generations_get_a_sentence_of_their_own(held, what):
    make, sentence = BAD_GENERATIONS[what]
    with pytest.raises(held_out.BadFile, match=sentence):
        held_out.score_generations(held, {GENERATIONS: make(held)})


def test_a_zip_bomb_is_not_unpacked(held):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("scores.npy", b"\0" * 50_000_000)
    with pytest.raises(held_out.BadFile, match="is too large"):
        held_out.score_predictions(held, file.getvalue())
