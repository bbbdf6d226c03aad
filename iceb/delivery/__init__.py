"""Edited models to give away: an edit saved as a delta, and a delta applied to a model."""
