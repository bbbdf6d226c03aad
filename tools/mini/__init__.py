"""The stages that made mini's names, data and weights, run by `tools/train_mini.py`."""
