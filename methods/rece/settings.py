"""Literal types of RECE's settings; no torch here."""

from typing import Literal

Penalty = Literal["zero", "surrogate", "surrogate_second", "surrogate_both"]
