"""The stages that made mini's names, data and weights; `tools/train_mini.py` runs them."""
