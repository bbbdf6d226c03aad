"""The embedded world: a small text-to-image model with its datasets and its classifier."""
