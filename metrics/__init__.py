"""Measures turn images into numbers; metrics reduce before and after to a score."""

if __name__ != "iceb.metrics":
    # A second import name would make a second copy of every class, and isinstance would fail in strange places.
    raise ImportError("import iceb.metrics, not metrics: the folder is packaged under iceb (see pyproject.toml)")
