"""Lay out images before and after the edit on one sheet: columns, scaling and text.

The font inside Pillow is used, so equal rows give equal pixels wherever the Pillow version is the same.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont

from iceb.stores.images import Pixels

Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

SMALL, LARGE = 192, 256  # pixels: tiny images are enlarged up to the first, large ones reduced to the second
CAPTION = 20  # pixels below an image for its caption
MARGIN, GAP, WORDS, HEAD = 20, 12, 236, 40  # pixels; WORDS is the width of the column of prompts
LINE, LINES, LEAST = 18, 3, 96  # pixels a line, lines of a prompt, pixels of the lowest row
ARROW = 14  # pixels; drawn, because the font has no arrow
PAPER, INK, GREY, RULE = (255, 255, 255), (34, 34, 34), (118, 118, 118), (228, 228, 228)
DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))  # the font has only the plain dash


@dataclass(frozen=True)
class Strip:
    """One row of a sheet with any number of images.

    Args:
        text: the prompt.
        label: what stands small below it, joined by arrows: (source, dest).
        images: (height, width, 3) each, from left to right; None leaves its place empty.
        captions: what stands small below each image; none, or as many as there are images.
    """

    text: str
    label: tuple[str, ...]
    images: tuple[Pixels | None, ...]
    captions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """Layout of a sheet: images of at most `wide` by `tall` pixels, `count` in a row, above captions."""

    wide: int
    tall: int
    count: int = 2
    caption: int = 0

    @property
    def columns(self) -> tuple[int, ...]:
        """Left edges of the images."""
        left = MARGIN + WORDS + GAP
        return tuple(left + place * (self.wide + GAP) for place in range(self.count))

    def top(self, row: int) -> int:
        """Upper edge of a row."""
        return MARGIN + HEAD + row * (self.tall + self.caption + GAP)

    def size(self, rows: int) -> tuple[int, int]:
        """Width and height of the whole sheet."""
        return self.columns[-1] + self.wide + MARGIN, self.top(rows) - GAP + MARGIN


def sheet(heading: str, rows: Sequence[Strip], names: Sequence[str] = ("before", "after")) -> Image.Image:
    """Draw a sheet with one line per row: prompt and label, then its images.

    Args:
        heading: stands small above the prompts: where the images come from.
        rows: with as many images as there are names.
        names: of the columns of images.
    """
    images = [[None if each is None else scale(each) for each in row.images] for row in rows]
    sizes = [image.size for some in images for image in some if image is not None]
    caption = CAPTION if any(any(row.captions) for row in rows) else 0
    page = Page(max(width for width, _ in sizes), max(LEAST, *(height for _, height in sizes)), len(names), caption)
    canvas = Image.new("RGB", page.size(len(rows)), PAPER)
    draw = ImageDraw.Draw(canvas)
    _head(draw, page, heading, names)
    for index, (row, some) in enumerate(zip(rows, images, strict=True)):
        _words(draw, row, page.top(index) + page.tall // 2)
        for left, image in zip(page.columns, some, strict=True):
            if image is not None:
                canvas.paste(image, (left, page.top(index) + (page.tall - image.height) // 2))
        for left, text in zip(page.columns, row.captions, strict=False):
            _caption(draw, text, left, page.top(index) + page.tall, page.wide)
    return canvas


def scale(pixels: Pixels) -> Image.Image:
    """Scale an image for the sheet: tiny ones by an integer factor, large ones down."""
    image = Image.fromarray(pixels)
    side = max(image.size)
    if side <= SMALL:
        return image.resize((image.width * (SMALL // side), image.height * (SMALL // side)), Image.Resampling.NEAREST)
    if side <= LARGE:
        return image
    size = tuple(max(1, round(length * LARGE / side)) for length in image.size)
    return image.resize((size[0], size[1]), Image.Resampling.LANCZOS)


def _head(draw: ImageDraw.ImageDraw, page: Page, heading: str, names: Sequence[str]) -> None:
    base = MARGIN + HEAD - GAP
    for place, line in enumerate(wrap(heading, _font(12), WORDS, 2)):
        draw.text((MARGIN, MARGIN - 4 + place * (LINE - 3)), line, GREY, _font(12))
    for left, name in zip(page.columns, names, strict=True):
        fitting = _fit(plain(name), _font(15), page.wide, cut=False)
        draw.text((left + page.wide // 2, base - 6), fitting, INK, _font(15), anchor="ms")
    draw.line((MARGIN, base + 2, page.columns[-1] + page.wide, base + 2), RULE)


def _caption(draw: ImageDraw.ImageDraw, text: str, left: int, top: int, wide: int) -> None:
    """Draw a caption below an image, centred and cut to its width."""
    fitting = _fit(plain(text), _font(12), wide, cut=False) if text else ""
    draw.text((left + wide // 2, top + 4), fitting, GREY, _font(12), anchor="ma")


def _words(draw: ImageDraw.ImageDraw, row: Strip, middle: int) -> None:
    """Draw the prompt and its label, centred on the height `middle`."""
    lines = wrap(row.text, _font(14), WORDS, LINES)
    labels = _label_lines(row.label)
    top = middle - LINE * (len(lines) + len(labels)) // 2
    for place, line in enumerate(lines):
        draw.text((MARGIN, top + place * LINE), line, INK, _font(14))
    for place, (arrows, texts) in enumerate(labels, start=len(lines)):
        _label(draw, arrows, texts, top + place * LINE + 2)


def _label_lines(label: tuple[str, ...]) -> list[tuple[bool, tuple[str, ...]]]:
    """Split a label into lines of (starts with an arrow, texts joined by arrows).

    One line if all fits, else one a text.
    """
    room = ARROW + 10  # an arrow and the blanks around it
    if sum(_font(12).getlength(plain(text)) for text in label) + room * (len(label) - 1) <= WORDS:
        return [(False, label)] if label else []
    return [(place > 0, (text,)) for place, text in enumerate(label)]


def _label(draw: ImageDraw.ImageDraw, arrow: bool, texts: tuple[str, ...], top: int) -> None:
    left = float(MARGIN)
    for place, text in enumerate(texts):
        if arrow or place > 0:
            left = _arrow(draw, left + 5 * (place > 0), top + 8) + 5
        line = "".join(wrap(text, _font(12), WORDS + MARGIN - int(left), 1))
        draw.text((left, top), line, GREY, _font(12))
        left += _font(12).getlength(line)


def _arrow(draw: ImageDraw.ImageDraw, left: float, middle: int) -> float:
    """Draw an arrow from `left`; return its right end."""
    tip = round(left) + ARROW
    draw.line((round(left), middle, tip - 1, middle), GREY)
    draw.line(((tip - 4, middle - 3), (tip - 1, middle), (tip - 4, middle + 3)), GREY)
    return tip


def wrap(text: str, font: Font, width: int, most: int) -> list[str]:
    """Wrap `text` into at most `most` lines of `width` pixels; cut the rest with an ellipsis.

    >>> wrap("a b c", _font(12), 1000, 1)
    ['a b c']
    """
    lines: list[str] = []
    for word in plain(text).split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    cut = len(lines) > most
    kept = lines[:most]
    return [_fit(line, font, width, cut and place == most - 1) for place, line in enumerate(kept)]


def _fit(line: str, font: Font, width: int, cut: bool) -> str:
    """Return the line, cut before an ellipsis if it does not fit."""
    if not cut and font.getlength(line) <= width:
        return line
    while line and font.getlength(f"{line}…") > width:
        line = line[:-1]
    return f"{line.rstrip(' ,;')}…"


def plain(text: str) -> str:
    """Remove accents and long dashes, which the font lacks.

    >>> plain("Löwe – élan")
    'Lowe - elan'
    """
    apart = unicodedata.normalize("NFKD", text.replace("…", "\0").translate(DASHES))
    return "".join(letter for letter in apart if not unicodedata.combining(letter)).replace("\0", "…")


@cache
def _font(size: int) -> Font:
    return ImageFont.load_default(size)
