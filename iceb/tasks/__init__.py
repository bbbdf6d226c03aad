"""One task declaration per file."""
