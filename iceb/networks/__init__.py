"""Pinned networks that measures look at images with, loaded from a folder or the model hub."""
