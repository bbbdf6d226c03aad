"""Plan a run, run it, and say where it came from and what it cost."""
