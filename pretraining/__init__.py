"""Training of the weights in lmlib/pretrained: `python -m pretraining NAME`."""
