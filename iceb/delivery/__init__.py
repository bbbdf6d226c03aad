"""Deliver edited models: save an edit as a delta, and apply a delta to a model."""
