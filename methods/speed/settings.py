"""Literal types of SPEED's settings; no torch here."""

from typing import Literal

Rows = Literal["last", "all"]
Matrices = Literal["v", "k", "vk"]
