"""The first character model of the first problem set: two tanh layers and a dense output layer."""

import torch
from torch import Tensor, nn

from pretraining.recurrent import CharacterModel, Settings

SETTINGS = Settings(epochs=80, seed=2, patience=20, learning_rate=3e-3, dropout=0.05)


class CharacterRNN(CharacterModel):
    """Two tanh layers, one bias each, and a dense output layer."""

    def __init__(self, vocabulary_size: int, settings: Settings):
        super().__init__(vocabulary_size, settings)
        self.layer1 = nn.RNN(vocabulary_size, 128, batch_first=True)
        self.layer2 = nn.RNN(128, 64, batch_first=True)
        self.output = nn.Linear(64, vocabulary_size)
        for layer in (self.layer1, self.layer2):
            parameters = dict(layer.named_parameters())
            nn.init.orthogonal_(parameters["weight_hh_l0"])
            # PyTorch adds two biases where the course's model has one: hold the second at zero
            nn.init.zeros_(parameters["bias_hh_l0"]).requires_grad_(False)

    def forward(self, indices: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """indices (B, T), states (1, B, 128) and (1, B, 64) -> logits (B, T, V), states."""
        h1, last1 = self.layer1(self.one_hot(indices), states[0])  # (B, T, 128)
        h2, last2 = self.layer2(self.dropout(h1), states[1])  # (B, T, 64)
        return self.output(self.dropout(h2)), [last1, last2]

    def zero_states(self, rows: int) -> list[Tensor]:
        """The states before the first character."""
        return [torch.zeros(1, rows, 128), torch.zeros(1, rows, 64)]

    def keras_arrays(self) -> dict[str, Tensor]:
        """The 8 parameters in Keras's order; matrices are (inputs, outputs)."""
        first, second = dict(self.layer1.named_parameters()), dict(self.layer2.named_parameters())
        return {
            "W_xh1": first["weight_ih_l0"].T,
            "W_h1h1": first["weight_hh_l0"].T,
            "b_h1": first["bias_ih_l0"],
            "W_h1h2": second["weight_ih_l0"].T,
            "W_h2h2": second["weight_hh_l0"].T,
            "b_h2": second["bias_ih_l0"],
            "W_h2y": self.output.weight.T,
            "b_y": self.output.bias,
        }
