"""Facts of prompts that compose things in the embedded world, as tags: "scene=beach", "right=456"."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from iceb.mini.world import COLOURS, PATTERNS, PLAIN, SCENES, SIZES

SCENE_NAMES = (PLAIN, *SCENES)  # the columns of a measure of grounds, followed by the sizes
SIZE_NAMES = tuple(SIZES)
PER_SHAPE = len(COLOURS) * len(PATTERNS)  # classes of one shape
Floats = npt.NDArray[np.float64]


def fact_tags(facts: Mapping[str, object]) -> tuple[str, ...]:
    """The facts as tags, in the order given.

    >>> fact_tags({"scene": "beach", "right": 456})
    ('scene=beach', 'right=456')
    """
    return tuple(f"{name}={value}" for name, value in facts.items())


def has_fact(name: str) -> str:
    """The tag of prompts that have a fact of this name, by which a metric finds them."""
    return f"by_{name}"


def facts_of(tags: Sequence[str]) -> dict[str, str]:
    """The facts that some tags write down.

    >>> facts_of(("dest", "scene=beach"))
    {'scene': 'beach'}
    """
    return dict(tag.split("=", 1) for tag in tags if "=" in tag)


def by_colour(probabilities: Floats) -> Floats:
    """Probabilities of the ten colours, (N, 10), from those of the classes, whatever shape and pattern."""
    found: Floats = probabilities.reshape(len(probabilities), -1, len(COLOURS), len(PATTERNS)).sum(axis=(1, 3))
    return found


def by_form(probabilities: Floats) -> Floats:
    """Probabilities of the 100 forms, shape and pattern, (N, 100), whatever their colour."""
    found: Floats = probabilities.reshape(len(probabilities), -1, len(COLOURS), len(PATTERNS)).sum(axis=2)
    return found.reshape(len(probabilities), -1)


def form_of(label: int) -> int:
    """The column of `by_form` that a class has.

    >>> form_of(0), form_of(4), form_of(41)
    (0, 0, 5)
    """
    return label // PER_SHAPE * len(PATTERNS) + label % len(PATTERNS)
