"""Model-editing methods, one package each: settings, method card and `edit()`."""

if __name__ != "iceb.methods":
    # A second import name would make a second copy of every class, and isinstance would fail in strange places.
    raise ImportError("import iceb.methods, not methods: the folder is packaged under iceb (see pyproject.toml)")
