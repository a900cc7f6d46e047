#!/bin/sh
# torch 2.13.0 evaluates nn.TransformerEncoderLayer by a fast path once gradients are off. Seen there:
# a float mask is read as yes or no, so that ALiBi's biases become "each position sees itself alone";
# is_causal=True without a mask raises an error with gradients and is ignored without;
# a module put in place of a layer's Linear is never called.
# Exits with 0 while all three are seen, with 1 once one of them is not.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet torch==2.13.0 numpy
"$folder/env/bin/python" - <<'PYTHON'
import sys

import torch
from torch import nn

print(f"Python {sys.version.split()[0]}, torch {torch.__version__}")
torch.manual_seed(0)
x = torch.randn(2, 6, 16)
later = torch.ones(6, 6, dtype=torch.bool).triu(1)
distance = (torch.arange(6) - torch.arange(6)[:, None]).float()
alibi = (0.5 * distance).masked_fill(later, -torch.inf)
alone = torch.zeros(6, 6).masked_fill(~torch.eye(6, dtype=torch.bool), -torch.inf)


def layer():
    return nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True).eval()


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


def gap(a, b):
    return (a - b).abs().max().item()


one = layer()
slow = one(x, src_mask=alibi)
with torch.no_grad():
    fast, only_itself = one(x, src_mask=alibi), one(x, src_mask=alone)
print(f"ALiBi: off by {gap(slow, fast):.3f}; from 'itself alone' by {gap(fast, only_itself):.1e}")
seen = [gap(slow, fast) > 0.1 and gap(fast, only_itself) < 1e-5]

try:
    one(x, is_causal=True)
    said = ""
except RuntimeError as error:
    said = str(error)
with torch.no_grad():
    ignored = gap(one(x, is_causal=True), one(x))
print(f"is_causal without a mask: with gradients {said[:33]!r}; without, off from no mask by {ignored:.1e}")
seen.append("Need attn_mask" in said and ignored < 1e-5)

one.linear1 = Doubled(16, 32)
slow = one(x)
with torch.no_grad():
    fast = one(x)
print(f"a Linear of one's own: off by {gap(slow, fast):.3f}")
seen.append(gap(slow, fast) > 0.1)
sys.exit(0 if all(seen) else 1)
PYTHON
