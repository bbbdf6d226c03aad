"""Captions of the embedded world: the corpus of second moments, and a held-out set."""

from functools import cache

import numpy as np

from iceb.mini.grammar import sentence

CORPUS_SEED, HELD_OUT_SEED = 1, 2  # training draws from seed 7 and up


@cache
def corpus(count: int = 8_000) -> tuple[str, ...]:
    """The first `count` captions of the embedded corpus, in which each class, scene and word is frequent."""
    return _captions(CORPUS_SEED, count)


@cache
def held_out(count: int = 2_000) -> tuple[str, ...]:
    """Captions that the corpus does not hold, `count` at most."""
    known = frozenset(corpus())
    return tuple(text for text in _captions(HELD_OUT_SEED, count) if text not in known)


def _captions(seed: int, count: int) -> tuple[str, ...]:
    draw = np.random.default_rng(seed)
    return tuple(sentence(draw).text for _ in range(count))
