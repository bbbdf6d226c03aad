"""Plan a run, run it, and say what it cost and where it came from."""
