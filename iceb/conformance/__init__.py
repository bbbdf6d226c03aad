"""Conformance checks of plug-ins: methods, datasets, tasks, measures and metrics; each check gives one line."""
