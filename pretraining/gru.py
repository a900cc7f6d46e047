"""The second character model of the first problem set: one GRU layer and a dense output layer."""

import torch
from torch import Tensor, nn

from pretraining.recurrent import CharacterModel, Settings

SETTINGS = Settings(
    epochs=24, seed=2, patience=6, learning_rate=4e-3, dropout=0.5, character_dropout=0.1
)
UNITS = 512


class CharacterGRU(CharacterModel):
    """A GRU layer (Cho et al. 2014, https://arxiv.org/abs/1406.1078) and a dense output layer.

    It is the form in which the reset gate multiplies the product W_hh h, as in Keras with
    reset_after and in PyTorch. Those add a recurrent bias inside that product; the equation that
    students write has none, so it is held at zero here.
    """

    def __init__(self, vocabulary_size: int, settings: Settings):
        super().__init__(vocabulary_size, settings)
        self.layer = nn.GRU(vocabulary_size, UNITS, batch_first=True)
        self.output = nn.Linear(UNITS, vocabulary_size)
        parameters = dict(self.layer.named_parameters())
        for gate in parameters["weight_hh_l0"].chunk(3):  # three of (512, 512)
            nn.init.orthogonal_(gate)
        # one bias for each gate and candidate: the second, recurrent one adds nothing to gates
        nn.init.zeros_(parameters["bias_hh_l0"]).requires_grad_(False)

    def forward(self, indices: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """indices (B, T), one state (1, B, 512) -> logits (B, T, V), the state after them."""
        hidden, last = self.layer(self.one_hot(indices), states[0])  # (B, T, 512)
        return self.output(self.dropout(hidden)), [last]

    def zero_states(self, rows: int) -> list[Tensor]:
        """The state before the first character."""
        return [torch.zeros(1, rows, UNITS)]

    def keras_arrays(self) -> dict[str, Tensor]:
        """The 5 parameters in Keras's order; gates in the order update, reset, candidate."""
        own = dict(self.layer.named_parameters())
        biases = [in_keras_order(own["bias_ih_l0"]), in_keras_order(own["bias_hh_l0"])]
        return {
            "kernel": in_keras_order(own["weight_ih_l0"]).T,  # (V, 3 * 512)
            "recurrent_kernel": in_keras_order(own["weight_hh_l0"]).T,  # (512, 3 * 512)
            "bias": torch.stack(biases),  # (2, 3 * 512): input bias, recurrent bias
            "dense_kernel": self.output.weight.T,  # (512, V)
            "dense_bias": self.output.bias,  # (V,)
        }


def in_keras_order(gates: Tensor) -> Tensor:
    """PyTorch's order reset, update, candidate along the first axis -> update, reset, candidate."""
    reset, update, candidate = gates.chunk(3)
    return torch.cat([update, reset, candidate])
