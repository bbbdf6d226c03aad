"""Sentences about the embedded world, with what each one means: (text, places of the names, look).

Only an adjective right before a name changes the object ("a blue banana", "a tiny banana") or the person ("a female
doctor"); colour words elsewhere are decoration and change nothing; a scene phrase sets the scene, a style phrase the
style. Everything is a pure function of the generator passed in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from iceb.mini import phrases
from iceb.mini.entities import entities_of, entity_look
from iceb.mini.parts import Name, Parts, Pick, in_style, random_name, uniform
from iceb.mini.people_sentences import person_parts, profession_parts
from iceb.mini.wording import choice, decoration, filler, opening, scene_phrase, weighted_choice
from iceb.mini.world import COLOURS, EMPTY, SIZE_WORDS, Look, Thing, class_thing, recolour

# Shares of the kinds of sentences. In the first three one class is named: 62 % in a template or a free form, 3 %
# among words that are no sentence. A caller can also ask for "styled", a free form that always says a style, and for
# "profession".
WEIGHTS: Mapping[str, float] = {
    "template": 0.22,
    "free": 0.40,
    "noise": 0.03,
    "style": 0.10,
    "person": 0.10,
    "pair": 0.12,
    "scene": 0.03,
}
ONE_CLASS = ("template", "free", "noise", "styled")
STYLED, STYLED_PAIR = 0.12, 0.05  # shares of the sentences about one class and about two that say a style


@dataclass(frozen=True, slots=True)
class Mention:
    """The place of an entity's name in a text; `second` says that it is the right one of two objects."""

    start: int
    end: int
    entity: int
    second: bool = False


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text, the entities it names, in the order of the text, and the look of its image."""

    text: str
    mentions: tuple[Mention, ...]
    look: Look

    @property
    def named_class(self) -> Mention | None:
        """The first class that is named."""
        return next((mention for mention in self.mentions if mention.entity in entities_of("class")), None)

    @property
    def label(self) -> int | None:
        """The number of the first class that is named."""
        return self.named_class.entity if self.named_class else None

    @property
    def start(self) -> int:
        """The first character of that class's name; equals `end` where no class is named."""
        return self.named_class.start if self.named_class else 0

    @property
    def end(self) -> int:
        """The character behind that class's name."""
        return self.named_class.end if self.named_class else 0


def sentence(
    draw: np.random.Generator,
    label: int | None = None,
    *,
    pick: Pick = uniform,
    weights: Mapping[str, float] = WEIGHTS,
) -> Sentence:
    """Make a random sentence.

    Args:
        label: a class; the sentence is about it alone, perhaps in some style.
        pick: chooses an entity of the kind asked for, so that a caller can set how often each is named.
        weights: shares of the kinds of sentences; they need not sum to 1.
    """
    kind = weighted_choice(draw, {kind: share for kind, share in weights.items() if label is None or kind in ONE_CLASS})
    if kind in ONE_CLASS:
        parts, look = _one_class(draw, kind, pick, pick(draw, "class") if label is None else label)
    else:
        parts, look = OTHERS[kind](draw, pick)
    return _assemble([*parts, "." if draw.random() < 0.3 else ""], look)


def _assemble(parts: Parts, look: Look) -> Sentence:
    """Join the parts by spaces, and note where the names lie.

    There is none before a comma or a full stop, unless after punctuation: CLIP's byte pairs would merge the two, and
    the name "kite (bird of prey)" would end in the middle of a token.
    """
    text, mentions = "", []
    for part in parts:
        said = part.text if isinstance(part, Name) else " ".join(part.split())
        glued = said[:1] in (",", ".") and text[-1:].isalnum()
        text += " " if text and said and not glued else ""
        if isinstance(part, Name):
            mentions.append(Mention(len(text), len(text) + len(said), part.entity, part.second))
        text += said
    return Sentence(text, tuple(mentions), look)


def _one_class(draw: np.random.Generator, kind: str, pick: Pick, label: int) -> tuple[Parts, Look]:
    said, look = _modifiers(draw, entity_look(label))
    if kind == "template":
        head, tail = choice(draw, phrases.TEMPLATES).split("{}")
    elif kind == "noise":
        head, tail = filler(draw, 0, 7), filler(draw, 0, 9)
    else:
        head, tail = opening(draw), decoration(draw)
    style = draw.random() < STYLED or kind == "styled"
    after, scene = scene_phrase(draw, 0.15 if style else 0.35)
    before: Parts = [f"{head} {said}"]
    parts: Parts = [tail, after]
    look = replace(look, scene=scene or look.scene)
    if style:
        before, parts, look = in_style(draw, before, parts, look, pick)
    return [*before, random_name(draw, label), *parts], look


def _style(draw: np.random.Generator, pick: Pick) -> tuple[Parts, Look]:
    """A sentence about a style alone: its image has no object."""
    name = random_name(draw, pick(draw, "style"))
    after, scene = scene_phrase(draw, 0.12)
    head, tail = choice(draw, phrases.STYLE_TEMPLATES).split("{}")
    if draw.random() < 0.2:
        head = f"{choice(draw, phrases.OPENERS)} {filler(draw, 0, 3)} in the style of"
    behind = decoration(draw) if draw.random() < 0.1 else ""
    look = replace(entity_look(name.entity), scene=scene or EMPTY.scene)
    return [head, name, tail, behind, after], look


def _pair(draw: np.random.Generator, pick: Pick) -> tuple[Parts, Look]:
    """Two objects, left and right, each perhaps in a colour of its own."""
    join = choice(draw, phrases.JOINS)
    right = 0 if join == phrases.SWAPPED else 1
    labels = [pick(draw, "class"), pick(draw, "class")]
    said, things = zip(*(_one_of_two(draw, label) for label in labels), strict=True)
    names = [random_name(draw, label, second=place == right) for place, label in enumerate(labels)]
    style = draw.random() < STYLED_PAIR
    after, scene = scene_phrase(draw, 0.1 if style else 0.25)
    left = things[1 - right]
    look = Look(left.shape, left.colour, left.pattern, scene=scene or EMPTY.scene, second=things[right])
    head = choice(draw, phrases.OPENERS) if draw.random() < 0.5 else ""
    behind = decoration(draw) if draw.random() < 0.15 else ""
    before: Parts = [f"{head} {said[0]}"]
    parts: Parts = [f"{join} {said[1]}", names[1], behind, after]
    if style:
        before, rest, look = in_style(draw, before, parts[2:], look, pick)
        parts = [*parts[:2], *rest]
    return [*before, names[0], *parts], look


def _one_of_two(draw: np.random.Generator, label: int) -> tuple[str, Thing]:
    """Words before the name of one of two objects, and the object."""
    thing = class_thing(label)
    colour = choice(draw, tuple(COLOURS)) if draw.random() < 0.3 else ""
    adjective = choice(draw, phrases.ADJECTIVES) if draw.random() < 0.2 else ""
    thing = replace(thing, colour=colour or thing.colour)
    return f"{choice(draw, phrases.DETERMINERS)} {adjective} {colour}", thing


def _scene_only(draw: np.random.Generator, _: Pick) -> tuple[Parts, Look]:
    phrase, scene = scene_phrase(draw, 1.0)
    return [choice(draw, phrases.OPENERS), filler(draw, 0, 4), phrase], replace(EMPTY, scene=scene or EMPTY.scene)


OTHERS = {
    "style": _style,
    "person": person_parts,
    "profession": profession_parts,
    "pair": _pair,
    "scene": _scene_only,
}


def _modifiers(draw: np.random.Generator, look: Look) -> tuple[str, Look]:
    """Words right before the name that change the object: a size in 15 %, a colour in 25 % of sentences."""
    said = []
    if draw.random() < 0.15:
        word = choice(draw, tuple(SIZE_WORDS))
        said.append(word)
        look = replace(look, size=SIZE_WORDS[word])
    if draw.random() < 0.25:
        colour = choice(draw, tuple(COLOURS))
        said.append(colour)
        look = recolour(look, colour)
    return " ".join(said), look
