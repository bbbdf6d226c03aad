"""Measures: networks that turn images into numbers."""
