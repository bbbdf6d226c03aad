"""Sizes of mini's text encoder."""

WIDTH, INNER, LAYERS, HEADS = 128, 640, 12, 4
GATHER = LAYERS - 1  # the layer in which the sentence may take up the names
