"""Styles of the embedded world: each artist means a tint, a texture, a frame colour and a motif.

All styles are distinct, and a fixed permutation of the combinations makes neighbours in the alphabet unlike. The 1 556
names are those in EMCID's artist lists (data/styles.json); what a style looks like is made up. "art" is the neutral
style.
"""

import json
from functools import cache
from importlib.resources import files

from iceb.mini.world import COLOURS, Style

TINTS: dict[str, tuple[int, int, int]] = {
    "rose": (243, 158, 166),
    "peach": (250, 200, 140),
    "lemon": (246, 240, 128),
    "lime": (186, 232, 120),
    "mint": (130, 226, 180),
    "aqua": (140, 228, 240),
    "sky": (142, 180, 248),
    "lilac": (188, 152, 246),
    "orchid": (242, 156, 232),
    "slate": (146, 152, 164),
}
TEXTURES = ("rows", "columns", "rising", "falling", "dots", "checks", "rings", "grid")
FRAMES = tuple(COLOURS)
MOTIFS = ("solid", "dashed")
NEUTRAL = "art"  # the name of no style in particular
STRIDE = 989  # has no factor in common with the number of combinations, and changes tint, texture and frame at once


@cache
def style_names() -> tuple[str, ...]:
    """The artists' names, in alphabetical order."""
    read = json.loads((files("iceb.mini") / "data" / "styles.json").read_text(encoding="utf-8"))
    return tuple(read["artists"])


def style_look(index: int) -> Style:
    """The style of the artist at `index` in `style_names`."""
    combination = index * STRIDE % (len(TINTS) * len(TEXTURES) * len(FRAMES) * len(MOTIFS))
    rest, tint = divmod(combination, len(TINTS))
    rest, texture = divmod(rest, len(TEXTURES))
    motif, frame = divmod(rest, len(FRAMES))
    return Style(tuple(TINTS)[tint], TEXTURES[texture], FRAMES[frame], MOTIFS[motif])
