"""Conformance checks of methods, datasets, tasks, measures and metrics; one line per check."""
