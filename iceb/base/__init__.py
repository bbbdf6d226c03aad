"""Errors, digests, files and statistics: standard library and numpy only."""
