"""Make the embedded rows of RoAD and TIMED in the columns of the authors' files.

Every name is one of mini's world. RoAD: each of the 46 roles gets another holder, one of the identities that no role is
bound to; 44 classes get the appearance of another class of their shape. TIMED: what a text leaves unsaid (an object's
colour or size, a profession's gender) is to become something that the world does not make of it by itself. No class is
one of tuning's validation set. No prompt is word for word a caption, but for the names of roles and of their holders,
and no frame is a text that methods train on. Everything is seeded.

    python tools/mini/make_single_edits.py
"""

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the tools are no installed package

from iceb.mini.captions import corpus
from iceb.mini.mentions import words_of
from iceb.mini.people import female_odds, identities, professions, roles
from iceb.mini.world import COLOURS, SIZE_WORDS, class_aliases, class_look, class_names
from iceb.tuning.validation import validation_labels

DATA = Path(__file__).parents[2] / "iceb/mini/data"
SEED = 2306_00738
APPEARANCES = 44
COLOURED, TWICE, SIZED, GENDERED = 50, 22, 12, 20  # sources of TIMED; of the coloured ones so many have two dests
GROUP = 40  # classes of one shape
LEAN = 0.35  # at most so likely is the gender that a profession is to get
SIZES = ("tiny", "giant")  # an object without a word for its size is in between
PERSON_FRAMES = (
    "a portrait of {}", "{} waving", "{} eating lunch", "{} on a poster",
    "a photo of the face of {}", "{} reading", "an oil painting of {}", "{} at a public event", "a sketch of {}",
)  # fmt: skip
OBJECT_FRAMES = (
    "{} on the beach", "a painting showing {}", "{} in the snow", "{} in the garden",
    "a drawing of {}", "{} at sunset", "a postcard with {}", "{} in the forest", "a careful study of {}",
)  # fmt: skip
WORKER_FRAMES = (
    "a painting of {}", "{} working", "{} laughing", "a portrait of {}", "{} in the workplace",
    "{} reading", "a drawing of {}",
)  # fmt: skip
NAMES = 2  # forms of a class's name that stand alone: with an article and without
Row = dict[str, str]


def choose(draw: np.random.Generator, choices: Sequence[str], count: int) -> list[str]:
    """Choose so many different ones."""
    return [choices[int(place)] for place in draw.choice(len(choices), count, replace=False)]


def with_article(words: str) -> str:
    """The words with "a" or "an" before them.

    >>> with_article("orange hen")
    'an orange hen'
    """
    vowel = words[0].lower() in "aeiou" and not words.lower().startswith(("eu", "uni"))
    return f"{'an' if vowel else 'a'} {words}"


@cache
def caption_words() -> frozenset[tuple[str, ...]]:
    """The words of each caption."""
    return frozenset(tuple(words_of(text)) for text in corpus())


def unsaid(texts: Iterable[str]) -> list[str]:
    """Those of the texts that are no caption, whatever the case and the punctuation."""
    return [text for text in texts if tuple(words_of(text)) not in caption_words()]


def unsaid_frames(frames: Sequence[str], name: str) -> list[str]:
    """Those of the frames with which a name makes no caption."""
    return [frame for frame in frames if unsaid([frame.replace("{}", name)])]


@cache
def plain_classes() -> list[int]:
    """Classes named by plain words, no colour or size, that are neither tuned on nor a caption."""
    return [
        label
        for label, name in enumerate(class_names())
        if is_plain(name) and label not in validation_labels() and len(unsaid((name, with_article(name)))) == NAMES
    ]


def is_plain(name: str) -> bool:
    """Whether a name is words alone, none of them a colour or a size."""
    words = name.lower().split()
    return all(word.isalpha() and word not in COLOURS and word not in SIZE_WORDS for word in words)


def role_rows(draw: np.random.Generator) -> Iterator[Row]:
    """A row for each role."""
    bound = {role.identity for role in roles()}
    free = [names[0] for place, names in enumerate(identities()) if place not in bound]
    firsts, somebodies = unsaid(role.names[0] for role in roles()), unsaid(free)
    workers = unsaid(map(with_article, professions()))
    for role, new in zip(roles(), choose(draw, free, len(roles())), strict=True):
        old, name = identities()[role.identity][0], role.names[0]
        row = {"Type": "Role", "Prompt": name, "Oracle": f"{new} as {name}", "Old": old, "New": new}
        names = [*role.names[1:], *[name] * 5][:5]
        known = [frame for frame in PERSON_FRAMES if all(unsaid_frames([frame], by) for by in names)]
        for i, (frame, by) in enumerate(zip(choose(draw, known, 5), names, strict=True), start=1):
            row |= positive(i, *(frame.replace("{}", who) for who in (by, f"{new} as {by}", old, new)))
        others = choose(draw, [each for each in firsts if each != name], 2)
        somebody = choose(draw, [each for each in somebodies if each != new], 1)
        for i, text in enumerate((old, *others, *somebody, *choose(draw, workers, 1)), start=1):
            row |= {f"Negative{i}": text, f"Negative_new{i}": new}
        yield row


def positive(number: int, text: str, oracle: str, old: str, new: str) -> Row:
    """The cells of one positive."""
    cells = (text, oracle, old, new)
    columns = ("Positive", "Positive_oracle", "Positive_old", "Positive_new")
    return {f"{column}{number}": cell for column, cell in zip(columns, cells, strict=True)}


def appearance_rows(draw: np.random.Generator) -> Iterator[Row]:
    """Rows of classes with another name that are to look like a class of the same shape."""
    known = plain_classes()
    sources = [label for label in known if plain_aliases(label)]
    for label in sorted(int(each) for each in draw.choice(sources, APPEARANCES, replace=False)):
        alike = [each for each in known if each // GROUP == label // GROUP and each != label]
        old, (new, *kept) = class_names()[label], (class_names()[each] for each in draw.choice(alike, 6, replace=False))
        row = {"Type": "Appearance", "Prompt": old, "Oracle": new, "Old": old, "New": new}
        names = [plain_aliases(label)[0], *[old] * 4]
        frames = [
            frame for frame in OBJECT_FRAMES if all(unsaid_frames([frame], with_article(name)) for name in names[:2])
        ]
        for i, (frame, by) in enumerate(zip(choose(draw, frames, 5), names, strict=True), start=1):
            row |= positive(i, *(frame.replace("{}", with_article(name)) for name in (by, new, old, new)))
        for i, name in enumerate(kept, start=1):
            row |= {f"Negative{i}": name, f"Negative_new{i}": new}
        yield row


def plain_aliases(label: int) -> list[str]:
    """Other names of a class that are words alone."""
    return [name for name in class_aliases()[label] if is_plain(name)]


def timed_rows(draw: np.random.Generator) -> Iterator[Row]:
    """Rows of colours, sizes and genders."""
    labels = draw.choice(plain_classes(), COLOURED + SIZED, replace=False).tolist()
    for place, label in enumerate(sorted(labels[:COLOURED])):
        others = [colour for colour in COLOURS if colour != class_look(label).colour]
        for colour in choose(draw, others, 2 if place < TWICE else 1):
            yield object_row(draw, label, colour, choose(draw, [each for each in others if each != colour], 1)[0])
    for place, label in enumerate(sorted(labels[COLOURED:])):
        yield object_row(draw, label, SIZES[place % 2], SIZES[1 - place % 2])
    yield from gender_rows(draw)


def object_row(draw: np.random.Generator, label: int, attribute: str, other: str) -> Row:
    """A row of one class; negatives are neighbours without the attribute, and the source with another."""
    name = class_names()[label]
    alike = [
        each
        for each in plain_classes()
        if each // GROUP == label // GROUP and each != label and class_look(each).colour != attribute
    ]
    kept = [class_names()[each] for each in draw.choice(alike, 4, replace=False)]
    return timed_row(draw, name, attribute, other, kept, OBJECT_FRAMES)


def gender_rows(draw: np.random.Generator) -> Iterator[Row]:
    """Rows of professions that seldom have the gender; so have the negatives."""
    odds = {name: female_odds(place) for place, name in enumerate(professions()) if unsaid([with_article(name)])}
    seldom = {
        "female": [name for name in odds if odds[name] <= LEAN],
        "male": [name for name in odds if 1 - odds[name] <= LEAN],
    }
    for gender, other in (("female", "male"), ("male", "female")):
        for name in sorted(choose(draw, seldom[gender], GENDERED // 2)):
            kept = choose(draw, [each for each in seldom[gender] if each != name], 4)
            yield timed_row(draw, name, gender, other, kept, WORKER_FRAMES)


def timed_row(
    draw: np.random.Generator, name: str, attribute: str, other: str, kept: Sequence[str], frames: Sequence[str]
) -> Row:
    """A row of TIMED: a name that is to have an attribute, and names that are not."""

    def both(who: str) -> tuple[str, str]:
        return with_article(who), with_article(f"{attribute} {who}")

    row = dict(zip(("old", "new"), both(name), strict=True))
    for i, frame in enumerate(choose(draw, unsaid_frames(frames, with_article(name)), 5), start=1):
        row[f"positive{i}"], row[f"gt{i}"] = (frame.replace("{}", text) for text in both(name))
    for i, (text, wrong) in enumerate(map(both, kept), start=1):
        row[f"negative{i}"], row[f"gn{i}"] = text, wrong
    row["negative5"], row["gn5"] = with_article(f"{other} {name}"), row["new"]
    return row


def write(name: str, rows: Sequence[Row]) -> None:
    """Write one file of iceb/mini/data; columns stand in the order of the first row."""
    with (DATA / name).open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Make and write the two files."""
    draw = np.random.default_rng(SEED)
    write("road.csv", [*role_rows(draw), *appearance_rows(draw)])
    write("timed.csv", list(timed_rows(draw)))


if __name__ == "__main__":
    main()
