"""A third party's method, dataset, task, measures and metrics: all they need is public."""
