"""The closed forms in 40 decimal digits, for `tools/make_vectors.py`."""
