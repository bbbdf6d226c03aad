"""One card per dataset; its front matter is the dataset's declaration."""

if __name__ != "iceb.data_cards":
    # A second import name would make a second copy of every class, and isinstance would fail in strange places.
    raise ImportError("import iceb.data_cards, not data_cards: the folder is packaged under iceb (see pyproject.toml)")
