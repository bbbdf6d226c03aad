"""Maintainers' scripts; they need a checkout and the development dependencies."""
