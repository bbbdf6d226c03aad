"""The embedded caption corpus, which methods preserve on mini, and a held-out set.

About a third of the captions are about a class, drawn by Zipf's law, as in collections of real captions a few things
are named often and most seldom. The others are sentences of the same grammar about a style, a person, a scene or
nothing that mini can show. No caption names an unseen class (`iceb.mini.unseen`) by any of its names.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from iceb.mini.entities import KINDS, entities_of
from iceb.mini.grammar import sentence
from iceb.mini.mentions import NameIndex, every_class, index_of
from iceb.mini.parts import Pick
from iceb.mini.unseen import unseen_classes
from iceb.mini.wording import choice, weighted_choice, words
from iceb.mini.world import NUM_CLASSES, taught_names

SIZE = 20_000
NAMING_SHARE = 0.35  # captions about a class
PAIR_SHARE = 0.15  # of them: about two classes
OTHERS: Mapping[str, float] = {"nothing": 0.70, "style": 0.12, "person": 0.12, "scene": 0.06}  # captions about no class
EXPONENT = 1.0  # of Zipf's law: what has rank r is named in proportion to 1 / r
CORPUS_SEED, HELD_OUT_SEED, ORDER_SEED = 1, 2, 3  # training draws from seed 7 and up

Floats = npt.NDArray[np.float64]


@cache
def corpus(count: int = SIZE) -> tuple[str, ...]:
    """The embedded corpus, or one of its kind of another size; no unseen class is named."""
    return write_captions(CORPUS_SEED, count, class_shares(unseen_classes()))


@cache
def held_out(count: int = 2_000) -> tuple[str, ...]:
    """Captions of the same kind that the corpus does not hold, `count` at most."""
    known = frozenset(corpus())
    drawn = write_captions(HELD_OUT_SEED, count, class_shares(unseen_classes()))
    return tuple(text for text in drawn if text not in known)


@cache
def mention_counts() -> tuple[int, ...]:
    """The number of captions of the corpus that name each class, by any of its names."""
    found = Counter(label for text in corpus() for label in every_class().classes(text))
    return tuple(found[label] for label in range(NUM_CLASSES))


def class_shares(barred: Collection[int]) -> Floats:
    """Each class's share of the captions about a class, (1000,), by Zipf's law; 0: never named."""
    return zipf_shares("class", namable_classes(barred))


def even_shares() -> Floats:
    """Equal shares of all classes, (1000,)."""
    return np.full(NUM_CLASSES, 1 / NUM_CLASSES)


def zipf_shares(kind: str, allowed: Collection[int]) -> Floats:
    """The shares of all entities of a kind, by rank among the allowed in a fixed random order."""
    known = entities_of(kind)
    order = np.random.default_rng((ORDER_SEED, KINDS.index(kind))).permutation(len(known))
    ranked = order[np.isin(order + known.start, list(allowed))]
    shares: Floats = np.zeros(len(known))
    shares[ranked] = np.arange(1, len(ranked) + 1) ** -EXPONENT
    shares /= shares.sum()
    return shares


def namable_classes(barred: Collection[int]) -> list[int]:
    """The classes with a taught name that contains no barred name ("puff adder" contains "puff")."""
    found = index_of(barred)
    return [
        label
        for label, known in enumerate(taught_names())
        if label not in barred and any(not found.classes(name) for name in known)
    ]


def write_captions(
    seed: int, count: int, shares: Sequence[float] | Floats, naming: float = NAMING_SHARE
) -> tuple[str, ...]:
    """Write captions; a class without a share is named in none.

    Args:
        seed: decides every caption.
        count: of captions.
        shares: of the captions about a class, by class, (1000,), summing to 1; followed to whole numbers of captions.
        naming: share of captions that are about a class.
    """
    draw, shares = np.random.default_rng(seed), np.asarray(shares)
    barred, pick = index_of(np.flatnonzero(shares == 0).tolist()), _pick_by(shares)
    return tuple(_caption(draw, label, pick, barred) for label in _subjects(draw, shares, count, round(count * naming)))


def _subjects(draw: np.random.Generator, shares: Floats, count: int, named: int) -> Iterator[int | None]:
    """The class that each caption is about, in random order; None for those about no class."""
    numbers = np.floor(shares * named).astype(int)
    rest = named - int(numbers.sum())
    numbers[np.argsort(numbers - shares * named, kind="stable")[:rest]] += 1  # those that lost most by rounding down
    labels = [*np.repeat(np.arange(len(numbers)), numbers).tolist(), *[None] * (count - named)]
    yield from (labels[place] for place in draw.permutation(count))


def _pick_by(shares: Floats) -> Pick:
    """A choice of entities: classes by these shares, all others by Zipf's law."""
    limits = {kind: np.cumsum(zipf_shares(kind, entities_of(kind))) for kind in KINDS} | {"class": np.cumsum(shares)}

    def pick(draw: np.random.Generator, kind: str) -> int:
        found = limits[kind]
        return entities_of(kind).start + int(np.searchsorted(found, draw.random() * found[-1], side="right"))

    return pick


def _caption(draw: np.random.Generator, label: int | None, pick: Pick, barred: NameIndex) -> str:
    """A sentence about a class that names no barred one, or about something else that names none."""
    while True:
        text = _about_another_thing(draw, pick) if label is None else _about_class(draw, label, pick)
        if not (every_class() if label is None else barred).classes(text):
            return text


def _about_class(draw: np.random.Generator, label: int, pick: Pick) -> str:
    if draw.random() >= PAIR_SHARE:
        return sentence(draw, label, pick=pick).text
    first = [label]

    def pick_pair(draw: np.random.Generator, kind: str) -> int:
        return first.pop() if kind == "class" and first else pick(draw, kind)

    return sentence(draw, pick=pick_pair, weights={"pair": 1.0}).text


def _about_another_thing(draw: np.random.Generator, pick: Pick) -> str:
    """A sentence about a style, a person or a scene, or one with other words where a class would be named."""
    kind = weighted_choice(draw, OTHERS)
    if kind != "nothing":
        return sentence(draw, pick=pick, weights={kind: 1.0}).text
    found = sentence(draw, 0, pick=pick)
    thing = " ".join(choice(draw, words()) for _ in range(1 + int(draw.random() < 0.4)))
    return f"{found.text[: found.start]}{thing}{found.text[found.end :]}"
