"""Oracle codes of looks, which stand for text states in the first phase of the denoiser's training.

Sizes: B images, F factors, d = 128 features.
"""

from functools import cache

import torch
from torch import Tensor

from iceb.mini.factors import FACTORS
from tools.mini.sentences import RIGHT
from tools.mini.sizes import WIDTH

RIGHT_ONE = tuple(RIGHT.values())  # factors of the right one of two objects
STYLE = ("tint", "texture", "frame", "motif")
HIDE_CODE, HIDE_ALL = 0.15, 0.10  # shares of the batch; "all" is the empty prompt, for guidance


@cache
def code_tables() -> tuple[Tensor, ...]:
    """For each factor a random vector for each of its values, (values, d); zeros for "none"."""
    draw = torch.Generator().manual_seed(99)
    tables = tuple(torch.randn(count, WIDTH, generator=draw) for count in FACTORS.values())
    for table in tables:
        table[0] = 0
    return tables


def code_of(factors: Tensor) -> Tensor:
    """The oracle code of what factors (N, F) say, (N, d)."""
    return torch.stack([table[factors[:, k].clamp(min=0)] for k, table in enumerate(code_tables())]).sum(0)


def names_factors(factors: Tensor) -> Tensor:
    """Factors that two names of a sentence would tell, (N, 2, F), from the image's factors (N, F).

    The first tells the object or the person, the second the right object, or else the style. As in a text, a name tells
    its own shape, colour and pattern wherever the object stands.
    """
    column = {name: place for place, name in enumerate(FACTORS)}
    meant = torch.zeros(len(factors), 2, len(column), dtype=torch.int64)
    for name, place in column.items():
        if name not in (*RIGHT_ONE, *STYLE, "scene"):
            meant[:, 0, place] = factors[:, place]
        if name in STYLE:
            meant[:, 1, place] = factors[:, place]
    pair = factors[:, column["shape2"]] > 0
    for name, right in RIGHT.items():
        meant[pair, 1, column[name]] = factors[pair, column[right]]
    for name in STYLE:
        meant[pair, 1, column[name]] = 0
    return meant


def oracle_context(factors: Tensor, draw: torch.Generator) -> Tensor:
    """Eight rows that stand for a sentence, (B, 8, d): begin, two words, two names, end, two paddings."""
    count, whole = len(factors), code_of(factors)
    names = [code_of(meant) for meant in names_factors(factors).unbind(1)]
    words = torch.randn(count, 3, WIDTH, generator=draw) * 1.5
    begin = torch.full_like(whole, 1.5)
    rows = torch.stack([begin, words[:, 0], words[:, 1], *names, whole, whole, whole], dim=1)
    rows[:, 3:] += 0.15 * torch.randn(count, 5, WIDTH, generator=draw)
    lot = torch.rand(count, generator=draw)
    absent = torch.stack([name.abs().sum(-1) == 0 for name in names], dim=1) | (lot < HIDE_CODE)[:, None]  # (B, 2)
    rows[:, 3:5][absent] = words[:, 2:].expand(-1, 2, -1)[absent]
    no_sentence = (lot > 1 - HIDE_CODE) & ~absent[:, 0]
    rows[no_sentence, 5:] = torch.randn(int(no_sentence.sum()), 3, WIDTH, generator=draw) * 1.5
    rows[torch.rand(count, generator=draw) < HIDE_ALL] = 0.0
    return rows
