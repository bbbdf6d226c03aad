"""Statistics of per-concept numbers; each function names its source."""
