"""SPEED's choices that are words; no torch here."""

from typing import Literal

Rows = Literal["last", "all"]
Matrices = Literal["v", "k", "vk"]
