"""Baselines to compare methods with: controls, recipes and published numbers."""

if __name__ != "iceb.baselines":
    # A second import name would make a second copy of every class, and isinstance would fail in strange places.
    raise ImportError("import iceb.baselines, not baselines: the folder is packaged under iceb (see pyproject.toml)")
