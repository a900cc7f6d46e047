"""How the weights in lmlib/pretrained were made: `python -m pretraining NAME`."""
