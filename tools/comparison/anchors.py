"""Anchors of the fidelity: its value without an edit, of noise, and of guesses from published curves."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import TypeAlias

from tools.comparison.both_sides import APART, ERASERS, KEPT, METHODS, Pair, fidelity

Guess: TypeAlias = Callable[[Pair, Sequence[Pair]], float]  # stands for mini's number of a pair; from all pairs

OTHERS = "median of the others"
ANCHORS_NOTE = """\
Four columns give the number a scale: it is computed with something else in place of all that mini measured. **No
edit**: every method changes nothing, and all numbers are 0. **Noise**: no image shows anything, so that nothing is left
of the holdout (-1), no destination appears (0) and, of {erasers}, all of the source is gone (1). **Median of all**:
every method has the median of the {count} published numbers at that number of edits, its own among them, which helps.
**{others}**: the median of the other methods' numbers alone, a guess without the method. What {erasers} forgets
stands among what the others edit."""


def noise_number(printed: str, number: str) -> float:
    """One of a method's two numbers if every image after the edit showed nothing.

    >>> noise_number("UCE", KEPT), noise_number("UCE", EDITED), noise_number("ESD", EDITED)
    (-1.0, 0.0, 1.0)
    """
    if number == KEPT:
        return -1.0
    return 1.0 if printed in ERASERS else 0.0


def _median(pair: Pair, pairs: Sequence[Pair], *, own: bool) -> float:
    """The median of the published numbers beside a pair's, its own among them or not."""
    beside = [each for each in pairs if (each.num_edits, each.number) == (pair.num_edits, pair.number)]
    return median(each.published for each in beside if own or each.printed != pair.printed)


ANCHORS: Mapping[str, Guess] = {
    "no edit": lambda pair, pairs: 0.0,
    "noise": lambda pair, pairs: noise_number(pair.printed, pair.number),
    "median of all": lambda pair, pairs: _median(pair, pairs, own=True),
    OTHERS: lambda pair, pairs: _median(pair, pairs, own=False),
}


def anchors(pairs: Sequence[Pair], methods: Iterable[str] = METHODS) -> dict[str, float | None]:
    """The fidelity over some methods with each anchor in place of what was measured, by the anchor's name."""
    wanted = tuple(methods)
    return {
        name: fidelity([replace(pair, measured=guess(pair, pairs)) for pair in pairs], wanted)
        for name, guess in ANCHORS.items()
    }


def anchors_note(pairs: Sequence[Pair]) -> Iterator[str]:
    """Explain the anchors, and say on which side of them mini stands."""
    yield ANCHORS_NOTE.format(erasers=" and ".join(ERASERS), count=len(METHODS), others=OTHERS.capitalize())
    groups = {"All methods": tuple(METHODS), f"The methods apart ({', '.join(APART)})": APART}
    groups |= {name: (name,) for name in METHODS}
    lines = [f"- {line}" for name, methods in groups.items() if (line := _sides(name, pairs, methods))]
    if lines:
        yield "Where mini stands among these:\n\n" + "\n".join(lines)


def _sides(name: str, pairs: Sequence[Pair], methods: Iterable[str]) -> str:
    """Say which anchors are nearer to the published curves than mini is; "" where mini has no number."""
    wanted = tuple(methods)
    ours = fidelity(pairs, wanted)
    if ours is None:
        return ""
    known = {anchor: value for anchor, value in anchors(pairs, wanted).items() if value is not None}
    nearer = [f"{anchor} ({value:.3f})" for anchor, value in known.items() if value < ours]
    if not nearer:
        return f"{name}: {ours:.3f}, nearer to the published curves than every anchor."
    return f"{name}: {ours:.3f}, further from the published curves than {', '.join(nearer)}."
