"""Plan and execute runs: edit, draw, measure, score."""
