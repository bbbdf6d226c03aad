"""Estimates from per-concept statistics: intervals, effective numbers, ranks."""
