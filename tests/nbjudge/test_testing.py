"""Helpers for hidden tests: stand-ins, counts of draws, modules with known weights."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from nbjudge.kernel import testing

# Calling the student's code


def test_parts_are_replaced_only_during_the_call() -> None:
    namespace = {"step": lambda x: x + 1}
    own = namespace["step"]
    with_parts = testing.stand_ins(namespace, step=lambda x: 10 * x)
    assert with_parts(lambda x: namespace["step"](x), 3) == 30
    assert namespace == {"step": own}


def test_own_parts_come_back_after_an_exception() -> None:
    namespace = {"step": 1}

    def fail() -> None:
        assert namespace["step"] == 2
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        testing.stand_ins(namespace, step=2)(fail)
    assert namespace == {"step": 1}


def test_a_part_that_the_student_has_not_defined_is_missing_again_after_the_call() -> None:
    namespace: dict[str, int] = {}
    assert testing.stand_ins(namespace, step=2)(lambda: namespace["step"]) == 2
    assert namespace == {}


def test_a_part_may_have_any_name() -> None:
    namespace = {"namespace": 1}
    assert testing.stand_ins(namespace, namespace=2)(lambda: namespace["namespace"]) == 2


class Layer(torch.nn.Module):
    """A student's layer: a map, and a constructor that can fail."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.map = torch.nn.Linear(size, size)
        self.inverse = 1 / (size - 3)


@pytest.mark.parametrize(
    ("own", "has_map"), [({"Layer": Layer}, True), ({"Layer": "no class"}, False), ({}, False)]
)
def test_a_stand_in_has_the_parts_of_the_students_class(own: dict, has_map: bool) -> None:
    class StandIn(testing.base(own, "Layer")):  # type: ignore[misc]
        def __init__(self, size: int) -> None:
            testing.begin(self, size)

    assert hasattr(StandIn(2), "map") == has_map
    assert StandIn(3).training, "a constructor that fails leaves a module"


def test_what_is_printed_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with testing.quiet():
        print("step 1000")
    print("done")
    assert capsys.readouterr().out == "done\n"


def test_outcomes_are_counted_and_the_others_too() -> None:
    drawn = iter(["b", "a", "?", "b", ["a"], "c"])
    assert testing.counts(lambda: next(drawn), "abc", 6) == [1, 2, 1, 2]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: 2 * x, np.eye(5)),
        (lambda x: x.cumsum(dim=1), np.tril(np.ones((5, 5)))),
        (lambda x: x.roll(1, dims=1), np.roll(np.eye(5), 1, axis=0)),
        (lambda x: 0 * x, np.zeros((5, 5))),
    ],
    ids=["itself", "all before", "the one before", "nothing"],
)
def test_reach_tells_which_input_each_output_depends_on(function, expected: np.ndarray) -> None:
    def called(scale: float, x: np.ndarray) -> torch.Tensor:
        return scale * function(torch.as_tensor(x))

    found = testing.reach(called, 3.0, np.random.default_rng(1).normal(size=(5, 2)))
    assert found.tolist() == expected.astype(bool).tolist()


# PyTorch modules


@pytest.mark.parametrize(
    ("part", "weight"),
    [
        (torch.nn.Linear(2, 3), np.arange(6.0).reshape(3, 2)),
        (torch.nn.Linear(2, 3), np.arange(6.0).reshape(3, 2).T),
        (torch.nn.Embedding(3, 2), np.arange(6.0).reshape(3, 2)),
        (torch.nn.Parameter(torch.ones(3, 2)), np.arange(6.0).reshape(3, 2)),
        (torch.nn.Linear(2, 3, bias=False), np.arange(6.0).reshape(3, 2)),
    ],
    ids=["map", "transposed", "table", "tensor", "without a bias"],
)
def test_a_part_gets_a_weight_in_either_layout_and_no_bias(part, weight: np.ndarray) -> None:
    testing.put(part, weight)
    assert getattr(part, "weight", part).tolist() == [[0, 1], [2, 3], [4, 5]]
    if getattr(part, "bias", None) is not None:
        assert part.bias.tolist() == [0, 0, 0]


def test_a_part_gets_the_bias_that_is_given() -> None:
    part = torch.nn.Linear(2, 3)
    testing.put(part, np.zeros((3, 2)), np.arange(3.0))
    assert part.bias.tolist() == [0, 1, 2]


def test_filled_maps_add_up_their_inputs() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.LayerNorm(3))
    assert testing.fill(model, 3, ([2.0, 3.0, 4.0], [5.0, 6.0, 7.0])) is model
    found = model[0](torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert found.tolist() == pytest.approx([1.3 * 2.5] * 3)
    assert model[1].weight.tolist() == [2, 3, 4] and model[1].bias.tolist() == [5, 6, 7]


def test_rows_outside_linear_maps_are_filled_by_the_given_width() -> None:
    table = testing.fill(torch.nn.Embedding(5, 4), 4)
    assert table.weight.sum(dim=1).tolist() == pytest.approx([1.3] * 5)


def test_tuned_parts_tell_their_numbers_apart() -> None:
    model = testing.fill(torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Identity()), 3)
    testing.tune(model, torch.nn.Linear, 3)
    found = model(torch.ones(4)).tolist()
    assert found == pytest.approx(np.sin(1.3 * np.array([0.5, 1.75, 3.0])), abs=1e-6)


def test_a_mixture_is_causal_and_depends_on_its_level() -> None:
    x = np.random.default_rng(2).normal(size=(6, 4))
    found = testing.reach(lambda given: testing.mix(torch.as_tensor(given), 0.5), x)
    assert found.tolist() == np.tril(np.ones((6, 6), bool)).tolist()
    x = torch.as_tensor(x)[None]
    assert not torch.allclose(testing.mix(x, 0.5), testing.mix(x, 0.6))


def test_a_mixture_refuses_what_is_longer_than_its_window() -> None:
    assert testing.mix(torch.ones(1, 4, 2), 0.5, window=4).shape == (1, 4, 2)
    with pytest.raises(ValueError, match="5 tokens in a window of 4"):
        testing.mix(torch.ones(1, 5, 2), 0.5, window=4)


def test_size_counts_shared_numbers_once() -> None:
    model = torch.nn.ModuleList([torch.nn.Linear(3, 5), torch.nn.Linear(3, 5, bias=False)])
    assert testing.size(model) == 35
    model[1].weight = model[0].weight
    assert testing.size(model) == 20


def test_directions_are_fewer_if_weights_are_shared() -> None:
    class Sum(torch.nn.Module):
        def __init__(self, maps: list[torch.nn.Module]) -> None:
            super().__init__()
            self.maps = torch.nn.ModuleList(maps)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([own(x) for own in self.maps], dim=-1)

    one, other = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    x = np.random.default_rng(3).normal(size=(8, 3))
    assert testing.directions(Sum([one, other]), x) == 12
    assert testing.directions(Sum([one, one]), x) == 6


class Norms(torch.nn.Module):
    """Two parts behind norms; `way` says what it does with them."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.first, self.second = torch.nn.LayerNorm(6), torch.nn.LayerNorm(6)
        self.map = torch.nn.Linear(6, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.way == "in place":
            x += self.first(x)
        else:
            x = x + self.first(x)
        x = x + self.map(self.first(x) if self.way == "one norm" else self.second(x))
        return x.detach() if self.way == "detached" else x


@pytest.mark.parametrize(
    ("way", "found"),
    [
        ("right", {"input": True, "norms": 2}),
        ("one norm", {"input": True, "norms": 1}),
        ("detached", {"input": False, "norms": 0}),
    ],
)
def test_what_a_module_depends_on_is_read_off_its_gradients(way: str, found: dict) -> None:
    assert testing.depends(Norms(way), np.sin(np.arange(60.0)).reshape(2, 5, 6)) == found


def test_a_module_that_changes_its_input_cannot_be_trained() -> None:
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        testing.depends(Norms("in place"), np.ones((2, 5, 6)))


def test_biases_and_norms_before_training_are_seen() -> None:
    model = Norms("right")
    assert testing.at_the_start(model) == {"biases are zero": False, "norms are new": True}
    torch.nn.init.zeros_(model.map.bias)
    assert testing.at_the_start(model) == {"biases are zero": True, "norms are new": True}
    torch.nn.init.normal_(model.second.weight)
    assert testing.at_the_start(model) == {"biases are zero": True, "norms are new": False}


def test_large_weights_are_those_of_large_maps_and_tables() -> None:
    parts = [torch.nn.Linear(40, 50), torch.nn.Embedding(100, 20), torch.nn.Linear(3, 4)]
    found = testing.large_weights(torch.nn.Sequential(*parts, torch.nn.LayerNorm(2000)))
    assert [tuple(weight.shape) for weight in found] == [(50, 40), (100, 20)]


# Models of sequences


def test_scores_depend_on_all_symbols_so_far_and_on_none_to_come() -> None:
    model = testing.sequence_model(testing.sequence_arrays(np.random.default_rng(4), 7))
    ids = torch.tensor([[1, 2, 3, 4, 5]])
    scores = model(ids)
    assert scores.shape == (1, 5, 7)
    for place in range(5):
        changed = ids.clone()
        changed[0, place] = 6
        is_other = (model(changed) - scores).abs().amax(dim=-1)[0] > 1e-6
        assert is_other.tolist() == [later >= place for later in range(5)]


def test_the_first_symbols_can_be_raised() -> None:
    plain, raised = (
        testing.sequence_model(testing.sequence_arrays(np.random.default_rng(5), 6, raised))
        for raised in (0.0, 4.0)
    )
    ids = torch.tensor([[1, 5]])
    more = (raised(ids) - plain(ids)).detach().numpy()
    np.testing.assert_allclose(more, np.broadcast_to([4, 4, 4, 0, 0, 0], (1, 2, 6)), atol=1e-5)


# Language models


class Bigram(torch.nn.Module):
    """A right model, but for what a test changes in it."""

    forgets_mode = keeps_recording = always_loses = False

    def __init__(self, table: np.ndarray) -> None:
        super().__init__()
        self.table = torch.nn.Parameter(torch.as_tensor(table, dtype=torch.float32))

    def forward(self, ids: torch.Tensor, targets: torch.Tensor | None = None):
        logits = self.table[ids]
        if targets is None:
            return logits, logits.sum() if self.always_loses else None
        return logits, torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def generate(self, ids: torch.Tensor, max_new_tokens: int) -> torch.Tensor:
        if self.forgets_mode:
            self.eval()
        with torch.set_grad_enabled(self.keeps_recording):
            for _ in range(max_new_tokens):
                p = self(ids)[0][:, -1].softmax(dim=-1)
                ids = torch.cat([ids, torch.multinomial(p, 1)], dim=1)
        return ids


CERTAIN = 1000.0 * np.roll(np.eye(4), 1, axis=1)  # id i is followed by i + 1
IDS = torch.tensor([[0, 1, 2, 3], [2, 2, 0, 1]])


def test_logits_are_observed_with_and_without_targets() -> None:
    found = testing.logits(Bigram, CERTAIN, IDS)
    assert list(found) == ["alone", "with targets"]
    assert all(torch.equal(logits, torch.tensor(CERTAIN).float()[IDS]) for logits in found.values())


def test_the_loss_is_observed_for_slices_and_for_whole_tensors() -> None:
    found = testing.losses(Bigram, np.zeros((4, 4)), IDS)
    assert {name: loss.item() for name, loss in found.items()} == pytest.approx(
        {"slices": np.log(4), "whole tensors": np.log(4)}
    )


@pytest.mark.parametrize("always", [False, True])
def test_a_loss_without_targets_is_seen(always: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bigram, "always_loses", always)
    assert testing.has_no_loss(Bigram, CERTAIN, IDS) == [not always, False]


def test_a_text_is_generated() -> None:
    assert testing.generated(Bigram, CERTAIN, IDS[:1], 3).tolist() == [[0, 1, 2, 3, 0, 1, 2]]


def test_next_ids_are_counted() -> None:
    assert testing.next_ids(Bigram, CERTAIN, IDS[1:], 20, 6).tolist() == [0, 0, 20, 0, 0, 0]


def test_next_ids_are_drawn_in_batches_of_at_most_five_hundred_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generate, rows = Bigram.generate, []

    def watched(model: Bigram, ids: torch.Tensor, number: int) -> torch.Tensor:
        rows.append(len(ids))
        return generate(model, ids, number)

    monkeypatch.setattr(Bigram, "generate", watched)
    assert testing.next_ids(Bigram, CERTAIN, IDS[1:], 1200, 6).tolist() == [0, 0, 1200, 0, 0, 0]
    assert rows == [500, 500, 200]


@pytest.mark.parametrize("forgets", [False, True])
def test_a_lost_training_mode_is_seen(forgets: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bigram, "forgets_mode", forgets)
    assert testing.modes(Bigram, CERTAIN, IDS) == [not forgets, False]


@pytest.mark.parametrize("keeps", [False, True])
def test_gradients_recorded_while_generating_are_seen(
    keeps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bigram, "keeps_recording", keeps)
    assert testing.records(Bigram, CERTAIN, IDS) == [True, keeps]


def test_shapes_are_computed_on_another_device() -> None:
    assert testing.shapes_elsewhere(Bigram, CERTAIN, IDS) == [[2, 4, 4], []]


def test_indices_on_the_wrong_device_are_refused_as_on_a_graphics_card() -> None:
    class Placed(Bigram):
        def __init__(self, table: np.ndarray) -> None:
            super().__init__(table)
            self.places = torch.nn.Embedding(9, 4)

        def forward(self, ids: torch.Tensor, targets: torch.Tensor | None = None):
            logits, loss = super().forward(ids, targets)
            return logits + self.places(torch.arange(ids.shape[1])), loss

    with pytest.raises(RuntimeError, match="different devices"):
        testing.shapes_elsewhere(Placed, CERTAIN, IDS)


# The module


def test_a_notebook_of_arrays_never_imports_pytorch() -> None:
    script = (
        "import sys\n"
        "from nbjudge.kernel import testing\n"
        "testing.stand_ins(globals(), step=1)(len, '')\n"
        "testing.counts(lambda: 1, [1], 2)\n"
        "import numpy as np\n"
        "testing.sequence_arrays(np.random.default_rng(1), 5)\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_helpers_change_no_global_generator() -> None:
    torch.manual_seed(1)
    np.random.seed(1)
    before = torch.get_rng_state().tolist(), np.random.get_state()[1].tolist()
    model = testing.sequence_model(testing.sequence_arrays(np.random.default_rng(1), 5))
    testing.fill(model, 8)
    testing.reach(lambda x: torch.as_tensor(x), np.ones((3, 2)))
    after = torch.get_rng_state().tolist(), np.random.get_state()[1].tolist()
    assert before == after
