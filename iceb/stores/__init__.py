"""Content-addressed stores: edits, images, measured arrays, method scratch."""
