"""Estimates from statistics of concepts: intervals, effective numbers, ranks."""
