"""Make the embedded lists of names to erase: artists, celebrities, styles and objects of mini's world.

They have the structure of the benchmarks' own files (data cards artists, celebrities, styles and objects): as many
names, sentences and images, lists that are or are not parts of each other. Names, sentences and seeds are ours. All is
drawn from one seed. No sentence makes a caption of mini's corpus of a name.

    python tools/mini/make_lists.py && python tools/stamp_card.py
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from iceb.mini.captions import corpus
from iceb.mini.mentions import captions_naming
from iceb.mini.people import identities
from iceb.mini.styles import style_names
from iceb.mini.world import class_aliases, class_names
from iceb.tuning.validation import validation_labels

DATA = Path(__file__).parents[2] / "iceb/mini/data"
SEED = 2403_06135
STYLE_SENTENCES = (
    "the painting by {}", "one work by {}", "the art by {}", "one print after {}", "the exhibition of {}",
)  # fmt: skip
PERSON_SENTENCES = (
    "one image of {}", "the photo of the face of {}", "this painting of {}", "{} on the poster",
    "one photo of {} waving",
)  # fmt: skip
SCENES = ("beach", "street", "meadow")  # what objects become, in turn: an image without an object
OTHER_SCENES = {"horse chestnut seed": "meadow"}  # mini's CLIP twin finds that seed in an empty beach
ARTISTS = (1, 5, 10, 50, 100, 500, 1000)
PERSONS = {1: 50, 5: 10, 10: 5, 100: 5}  # number of edits → images of each sentence about a person who is erased
KEPT_IMAGES = 2  # of each sentence about a person or in a style that stays, where MACE has five
KEPT, DRAWN = 100, 100  # names that stay, and the most that are erased and drawn
PRESERVED_APART = 100  # up to so many edits nobody is erased and preserved
OBJECTS, ALIASES, SHAPES = 10, 3, 40  # classes of one shape follow each other
SEEDS_APART = 10_000  # between the first seeds of two lists


def names_of(names: Sequence[str], images: int, first_seed: int) -> dict[str, object]:
    """Names that are drawn, as the embedded files have them."""
    return {"names": list(names), "images": images, "first_seed": first_seed}


def seen_of(names: Sequence[str]) -> list[str]:
    """Those of the names that captions of the corpus say, which methods preserve."""
    return sorted(captions_naming(corpus(), names))


def artists_file() -> dict[str, object]:
    """Lists of 1 to 1 000 styles that are drawn apart from each other; the same 100 stay in all of them."""
    draw = np.random.default_rng((SEED, 1))
    pool = draw.permutation(style_names()).tolist()
    holdout, rest = pool[:KEPT], pool[KEPT:]
    lists = {size: artists_list(draw, size, rest, holdout, SEEDS_APART * k) for k, size in enumerate(ARTISTS, 1)}
    return {"sentences": list(STYLE_SENTENCES), "lists": lists, "seen": seen_of(pool)}


def artists_list(
    draw: np.random.Generator, size: int, rest: Sequence[str], holdout: Sequence[str], seed: int
) -> dict[str, object]:
    """One list, with 100 names that methods may preserve, some of which the largest lists erase."""
    names = draw.permutation(rest)[:size].tolist()
    others = [name for name in rest if size > PRESERVED_APART or name not in names]
    drawn = sorted(names, key=lambda name: draw.random())[:DRAWN]
    roles = {
        "erased": drawn,
        "erased_more": [name for name in names if name not in drawn],
        "preserved": draw.permutation(others)[:KEPT].tolist(),
        "holdout": draw.permutation(holdout).tolist(),
    }
    return {"names": names, "drawn": dict(number_on(roles, len(STYLE_SENTENCES), seed))}


def number_on(roles: Mapping[str, Sequence[str]], sentences: int, seed: int) -> Iterator[tuple[str, object]]:
    """Each role's names, one image a sentence, with seeds that no other role has."""
    for role, names in roles.items():
        if names:
            yield role, names_of(names, 1, seed)
            seed += len(names) * sentences


def celebrities_file() -> dict[str, object]:
    """Lists of 1, 5, 10 and 100 identities; 5 and 10 begin the longest, the single one ends it."""
    draw = np.random.default_rng((SEED, 2))
    found = draw.permutation([names[0] for names in identities()]).tolist()
    erased, others = sorted(found[:MOST_PERSONS]), sorted(found[MOST_PERSONS : MOST_PERSONS + KEPT])
    lists = {
        size: {
            "names": (names := erased[-1:] if size == 1 else erased[:size]),
            "drawn": {"erased": names_of(names, images, 1), "others": names_of(others, KEPT_IMAGES, SEEDS_APART)},
        }
        for size, images in PERSONS.items()
    }
    return {"sentences": list(PERSON_SENTENCES), "lists": lists, "seen": seen_of(others)}


MOST_PERSONS = max(PERSONS)


def styles_file() -> dict[str, object]:
    """One list of 100 styles to erase, five images a sentence, and 100 that stay, two of each."""
    draw = np.random.default_rng((SEED, 3))
    found = draw.permutation(style_names()).tolist()
    erased, others = sorted(found[:KEPT]), sorted(found[KEPT : 2 * KEPT])
    drawn = {"erased": names_of(erased, 5, 1), "others": names_of(others, KEPT_IMAGES, SEEDS_APART)}
    lists = {KEPT: {"names": erased, "drawn": drawn}}
    return {"sentences": list(STYLE_SENTENCES), "lists": lists, "seen": seen_of(others)}


def objects_file() -> list[dict[str, object]]:
    """Ten classes of different shapes with three other names taught to mini; tuning reads none."""
    draw = np.random.default_rng((SEED, 4))
    known = [label for label, aliases in enumerate(class_aliases()) if len(aliases) >= ALIASES]
    by_shape = {label // SHAPES: label for label in draw.permutation(known).tolist()}
    drawn = draw.permutation(sorted(by_shape.values())).tolist()
    spare = (label for label in drawn[OBJECTS:] if label not in validation_labels())
    labels = [next(spare) if label in validation_labels() else label for label in sorted(drawn[:OBJECTS])]
    return [
        {
            "name": class_names()[label],
            "aliases": list(class_aliases()[label][:ALIASES]),
            "dest": OTHER_SCENES.get(class_names()[label], SCENES[place % len(SCENES)]),
        }
        for place, label in enumerate(labels)
    ]


FILES = {
    "artists_lists.json": artists_file,
    "celebrities_lists.json": celebrities_file,
    "styles_lists.json": styles_file,
    "objects_list.json": objects_file,
}


def main() -> None:
    """Write the four files."""
    for name, make in FILES.items():
        text = json.dumps(make(), ensure_ascii=False, indent=0, separators=(",", ":"))
        (DATA / name).write_text(text + "\n", encoding="utf-8")
        print(f"wrote {DATA / name}, {len(text)} bytes")


if __name__ == "__main__":
    main()
