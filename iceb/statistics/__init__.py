"""Statistics of per-concept numbers; a function names the source that it follows, where it does."""
