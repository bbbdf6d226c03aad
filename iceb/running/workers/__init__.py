"""Runs by several workers: a plan on disk, its shares, counts of what is made, launches."""
