"""Quality of the embedded model: the rows of its training report, measured on the shipped weights.

`python tools/measure_mini.py` writes them beside the weights; the test suite measures small samples of the same rows.
"""
