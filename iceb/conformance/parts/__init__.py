"""Conformance checks of datasets, tasks, measures and metrics, on the registered object."""
