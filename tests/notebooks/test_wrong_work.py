"""Work that is missing or wrong gets one sentence, which says what is missing or what came."""

import re
from collections.abc import Collection

import nbformat
import problem_set
import pytest
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

from lmlib import checks, refusals
from nbjudge.core.notebooks import is_solution

ODD = ("None", "0.5", "[]", "'abc'", "(1, 2)")


def exercises(notebook: NotebookNode) -> list[str]:
    """The solution cells of a notebook."""
    return [cell.id for cell in notebook.cells if is_solution(cell)]


@pytest.mark.parametrize("name", problem_set.NAMES)
def test_a_check_says_in_a_sentence_what_came(name: str) -> None:
    notebook = problem_set.read(name)
    names = problem_set.names_without_training(notebook)
    sources = {cell.id: cell.source for cell in notebook.cells}
    for exercise in exercises(notebook):
        signature = re.search(rf"^def {exercise}\(.*?\)", sources[exercise], re.M | re.S)
        if signature and f"{exercise}_check" in sources:
            for odd in ODD:
                answer = f"{signature[0]}:\n    return {odd}"
                said = problem_set.said_below(notebook, names, exercise, answer)
                assert not re.match(r"\w+Error", said), (exercise, odd, said)


@pytest.mark.parametrize("name", problem_set.NAMES)
def test_what_an_unsolved_exercise_stops_is_told_in_a_sentence(name: str) -> None:
    notebook = problem_set.read(name)
    everything = exercises(notebook)
    for unsolved in ([exercise] for exercise in everything):
        told = told_without(notebook, unsolved)
        assert all(told.values()), (unsolved, told)


def stub(cell: NotebookNode) -> str:
    """What a student finds in a solution cell."""
    resources = {"language": "python"}
    return str(ClearSolutions().preprocess_cell(nbformat.from_dict(cell), resources, 0)[0].source)


def told_without(notebook: NotebookNode, unsolved: Collection[str]) -> dict[str, str]:
    """What each cell says that stops if some exercises are unsolved; nothing after a traceback."""
    told = {}
    with problem_set.quiet() as names:
        names["In"] = [""]
        for cell in problem_set.cells_without_training(notebook):
            source = stub(cell) if cell.id in unsolved else cell.source
            names["In"].append(source)
            try:
                exec(compile(source, cell.id, "exec"), names)
            except checks.NotSolvedYet as error:
                told[cell.id] = str(error)
            except Exception as error:
                told[cell.id] = refusals.needed(error, names)
    return told


def test_each_part_of_problem_set_6_can_be_begun_without_the_one_before() -> None:
    notebook = problem_set.read("ps6_tiny_transformer")
    everything = exercises(notebook)
    starts = ["make_windows", "RMSNorm", "evaluate", "plot_losses"]
    for start in starts:
        before = set(everything[: everything.index(start)]) - {"PositionalEmbedding"}  # in a model
        told = told_without(notebook, before)
        ids = [cell.id for cell in notebook.cells]
        later = [cell for cell in told if ids.index(cell) > ids.index(start)]
        assert not later, (start, {cell: told[cell] for cell in later})


LOOKS_AS_IF = {  # mistake → what its check says, in its own words
    "ps1_rnn_sampling": {
        "tanh_forgotten_first_layer": "the first layer has no tanh",
        "second_bias_forgotten": "b_h2 is missing",
        "second_layer_reads_old_state": "the second layer reads the old h1",
        "first_recurrence_transposed": "W_h1h1 was transposed",
        "gates_exchanged": "the two gates have changed places",
        "update_gate_reversed": "the update gate keeps the candidate",
        "reset_before_product": "the reset gate multiplies the state",
        "reset_gate_forgotten": "there is no reset gate",
        "candidate_recurrence_transposed": "W_hh was transposed",
        "logarithm_returned": "the exponential is missing",
        "sign_forgotten": "the sign is wrong",
        "base_two_logarithm": "log2 was used with exp",
        "sum_instead_of_mean": "the sum was taken",
        "arithmetic_mean": "probabilities were averaged",
    },
    "ps3_architectures": {
        "hidden_never_passed_on": "the state is not passed on",
        "loss_not_averaged": "the losses of the steps are added",
        "targets_not_shifted": "each token is compared with itself",
        "gradients_not_forgotten": "gradients are not set to zero",
        "sgd_for_adam": "the optimizer is not Adam",
        "merged_without_transposing": "the heads are joined before",
        "projection_missing": "a map is missing",
    },
    "ps4_bigram_to_transformer": {
        "mask_after_softmax": "the mask comes after the softmax",
        "mask_transposed": "the mask hides the past",
        "mask_without_the_present": "does not look at itself",
        "scale_forgotten": "the scores are not divided",
        "scale_by_embed_size": "by the root of D",
        "queries_and_keys_exchanged": "queries and keys have changed places",
    },
    "ps5_attention_backward": {
        "scale_missing_forward": "not divided by the root of D_k",
        "softmax_over_the_batch": "the softmax ran over the batch",
        "keys_and_queries_exchanged": "A_w is transposed",
        "padding_counted": "padding counts",
        "end_not_counted": "the end symbol is not counted",
        "log_of_the_input": "each symbol is compared with itself",
        "mean_for_sum": "the mean was taken",
        "no_softmax": "without a softmax",
        "softmax_over_places": "the softmax ran over the places",
    },
}


@pytest.mark.parametrize("name", LOOKS_AS_IF)
def test_a_check_names_the_mistake_that_was_made(name: str) -> None:
    notebook = problem_set.read(name)
    names = problem_set.names_without_training(notebook)
    known = {mistake["id"]: mistake for mistake in problem_set.mistakes(name)}
    for mistake, words in LOOKS_AS_IF[name].items():
        said = problem_set.what_a_check_says(notebook, names, known[mistake])
        assert words in said.partition("It looks as if")[2], (mistake, said)


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ("[*p.astype(np.float32) / 2]", "in a list or have become float64"),
        ("p[None]", "an array of one number"),
    ],
)
def test_what_numpy_says_far_from_the_cause_is_explained(chosen: str, words: str) -> None:
    notebook = problem_set.read("ps1_rnn_sampling")
    names = problem_set.names_without_training(notebook)
    answer = f"""
def sample_text_RNN(weights, prompt, N):
    _, _, p = rnn_step(weights, np.zeros(128), np.zeros(64), 3)
    return prompt + indices_to_char([np.random.choice(len(p), p={chosen})])
"""
    assert words in problem_set.said_below(notebook, names, "sample_text_RNN", answer)
