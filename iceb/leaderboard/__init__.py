"""Leaderboards: collect result files, rank them, and render the pages."""
