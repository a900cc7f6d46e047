#!/bin/sh
# torch 2.13.0 imports its compiler, torch._dynamo, at the first optimizer that a process makes and at the
# first sum of two tensors on the device "meta": more than 700 modules, sympy among them, in programs that
# compile nothing. That costs nearly as much CPU as `import torch` itself, in every new process: graders,
# tests and command lines pay for it. A process that forks others should import torch._dynamo before.
# Exits with 0 while both are seen, with 1 once one of them is not.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet torch==2.13.0 numpy
cat > "$folder/first.py" <<'PYTHON'
import sys
import time

started = time.process_time()
import torch

imported, known = time.process_time(), len(sys.modules)
if sys.argv[1] == "optimizer":
    torch.optim.SGD([torch.zeros(2, requires_grad=True)], lr=0.1)
else:
    torch.ones(2, device="meta") + 1
used = time.process_time()
new = len(sys.modules) - known
print(
    f"torch {torch.__version__}, first {sys.argv[1]}: {new} modules, torch._dynamo "
    f"{'torch._dynamo' in sys.modules}, sympy {'sympy' in sys.modules}, "
    f"{(used - imported) / (imported - started):.2f} of the CPU seconds of `import torch`"
)
sys.exit(0 if new > 700 and "torch._dynamo" in sys.modules else 1)
PYTHON
"$folder/env/bin/python" "$folder/first.py" optimizer
"$folder/env/bin/python" "$folder/first.py" "meta tensor"
