"""A method's card is its only declaration: whole, with known keys of the right types, and one file a method."""

from pathlib import Path

import pytest

from iceb.base.errors import SpecError
from iceb.registry import entries_of, load
from iceb.specs.method_cards import parse_card, read_card
from iceb.specs.methods import MethodCard

ROOT = Path(__file__).parents[2]
CARDS = sorted([*ROOT.glob("methods/*/card*.md"), *ROOT.glob("baselines/cards/*.md")])
PAGE = """---
name: nudge
version: 2
title: Nudge
paper: arXiv:2403.13807
fidelity: partial
kinds: [replace, erase]
touches: ["unet.*attn2.to_k.weight"]
deterministic: false
files: [captions]
edits: keys
variants:
  keys=false: values alone
deviations:
  - draws are seeded,
    one by one
quick:
  rate: 0.5
  layers: [1, 2]
  captions: null
---

## What it computes

```text
W' = W M,
  M = I
```

## Not written

The rest:

- `a` and _b_
"""


def test_front_matter_is_the_declaration_and_the_body_formula_and_notes():
    assert parse_card(PAGE, "card.md") == MethodCard(
        name="nudge",
        version=2,
        title="Nudge",
        paper="arXiv:2403.13807",
        fidelity="partial",
        kinds=("replace", "erase"),
        touches=("unet.*attn2.to_k.weight",),
        deterministic=False,
        files=("captions",),
        edits="keys",
        formula="W' = W M,\n  M = I",
        notes="## Not written\n\nThe rest:\n\n- `a` and _b_",
        variants=(("keys=false", "values alone"),),
        deviations=("draws are seeded, one by one",),
        quick=(("rate", 0.5), ("layers", (1, 2)), ("captions", None)),
    )


def test_a_card_needs_no_body():
    front = PAGE.partition("\n\n## What")[0] + "\n"
    card = parse_card(front, "card.md")
    assert (card.formula, card.notes) == ("", "")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("---\nname", "name", "must open with YAML front matter between two lines of '---'"),
        ("name: nudge", "name: [", "the front matter is not YAML"),
        ("name: nudge", "name: nudge\nname: other", "the key 'name' stands twice"),
        ("  rate: 0.5", "  rate: 0.5\n  rate: 1.0", "the key 'rate' stands twice"),
        ("version: 2\n", "", "lacks version: a card must have name, version, paper, kinds, touches"),
        ("touches:", "touched:", "unknown key 'touched': did you mean touches?"),
        ("title: Nudge", "formula: W", "unknown key 'formula': choose one of "),
        ("title: Nudge", "2: W", "unknown key '2': choose one of "),
        ("version: 2", "version: '2'", "version is '2': Input should be a valid integer"),
        ("version: 2", "version: 0", "version 0: must be a whole number from 1"),
        ("deterministic: false", "deterministic: 'no'", "deterministic is 'no': Input should be a valid boolean"),
        ("fidelity: partial", "fidelity: loyal", "fidelity is 'loyal': Input should be 'faithful', 'partial', "),
        ("[replace, erase]", "[replace, recolour]", "kinds.1 is 'recolour': Input should be 'replace', 'rectify', "),
        ("[captions]", "captions", "files is 'captions': Input should be a valid array"),
        ("title: Nudge", "title: 2024", "title is 2024: Input should be a valid string"),
        ("  - draws", "  - draws: all\n  - draws", "deviations.0 is {'draws': 'all'}: Input should be a valid string"),
        ("  keys=false: values alone", "  - values alone", "variants is ['values alone']: must be lines of 'setting: "),
        ("  layers: [1, 2]", "  layers: {a: 1}", "quick.1.1"),
        ("```text\nW'", "W'", "the section 'What it computes' must begin with a block from ```text to ```"),
        ("\n## What it", "\nA remark.\n\n## What it", "stands in no section: begin it with a line '## "),
    ],
)
def test_a_wrong_card_is_refused_in_one_line(old, new, message):
    assert old in PAGE
    with pytest.raises(SpecError) as caught:
        parse_card(PAGE.replace(old, new, 1), "card.md")
    assert str(caught.value).startswith("card.md: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_card_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SpecError, match=r"method card .*gone\.md: cannot be read .*name it in the package-data"):
        read_card(str(tmp_path / "__init__.py"), "gone.md")


def test_every_method_of_ours_has_one_card_and_every_card_its_method():
    ours = [entry.name for entry in entries_of("methods") if entry.package == "iceb"]
    read = [parse_card(path.read_text(encoding="utf-8"), path.name) for path in CARDS]
    assert sorted(card.name for card in read) == sorted(ours)
    assert all(card == load("methods", card.name).card for card in read)


@pytest.mark.parametrize("path", CARDS, ids=[path.relative_to(ROOT).as_posix() for path in CARDS])
def test_a_card_has_title_and_effect_and_says_image(path):
    card = parse_card(path.read_text(encoding="utf-8"), path.name)
    assert card.title
    assert card.edits
    texts = [card.title, card.edits, *(text for _, text in card.variants), *card.deviations, card.formula, card.notes]
    assert [text for text in texts if "picture" in text] == []


def test_the_variant_in_the_null_space_declares_what_emcid_does():
    emcid, variant = load("methods", "emcid").card, load("methods", "emcid-ns").card
    assert variant.scratch_of == emcid.name
    for name in ("kinds", "touches", "files", "models", "reads", "judges"):
        assert getattr(variant, name) == getattr(emcid, name)


def test_the_methods_that_train_weights_of_all_requests_together_say_so():
    """EMCID and ReFACT optimise vectors, one request at a time, and keep them; MACE's terms hang on all requests."""
    trains = {name for name in ("ablation", "esd", "finetune", "mace") if load("methods", name).card.trains}
    assert trains == {"ablation", "esd", "finetune", "mace"}
    others = [load("methods", name).card for name in ("emcid", "refact", "uce", "uce-debias", "rece", "speed", "time")]
    assert not any(card.trains for card in others)
