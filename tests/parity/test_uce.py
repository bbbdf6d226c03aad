"""UCE against the authors' code run in float64; `pytest tests/parity -rP` prints the relative difference per vector."""

import pytest

from iceb.methods.uce import UCE, UCEEmcid
from iceb.methods.uce_debias import UCEDebias
from iceb.methods.uce_debias.editing import balance
from iceb.methods.uce_debias.shares import Concept
from iceb.specs.methods import MethodContext
from iceb.specs.requests import EditRequest
from tests.conftest import load
from tests.memory import Memory
from tests.parity.conftest import Vector, apart, vectors


@pytest.fixture(scope="module")
def double_model(parity):
    """The authors' tiny model in float64."""
    bundle = load(parity / "models" / "tiny-sd")
    bundle.pipeline.text_encoder.double()
    bundle.pipeline.unet.double()
    return bundle


def requests_of(pairs) -> list[EditRequest]:
    return [EditRequest(f"p/{i}", old, (new,), ("{}",), 0) for i, (old, new) in enumerate(pairs)]


def worst(edit, bundle, wanted) -> float:
    """The largest relative difference of a matrix, over all that the authors edited; no other may be edited."""
    names = {f"unet.{name}": W for name, W in wanted.items()}
    unchanged = [name for name, W in names.items() if name not in edit.weights and apart(bundle.parameter(name), W)]
    assert not unchanged
    assert set(edit.weights) <= set(names)
    return max(apart(W, names[name]) for name, W in edit.weights.items())


@pytest.mark.parametrize("name", vectors("uce_erase"))
def test_the_program_of_2025_matches_the_authors(parity, double_model, name):
    vector = Vector(parity / "uce_erase" / name)
    given, count = vector.input, len(vector.input["edit_concepts_arg"])
    pairs = zip(given["edit_concepts_final"][:count], given["guide_concepts_final"][:count], strict=True)
    method = UCE(
        variant=2025,
        concept_type=given["concept_type"],
        templates=given["expand_prompts"] == "true",
        ridge=given["lamb"],
        erase_scale=given["erase_scale"],
        preserve_scale=given["preserve_scale"],
        retain=tuple(given["preserve_concepts_final"] or ()),
    )
    edit = method.edit(double_model, requests_of(pairs), context=MethodContext(Memory()))
    off = worst(edit, double_model, vector.tensors("expected_fp64"))
    print(f"uce_erase/{name} W {off:.1e}")
    assert off < 1e-11


@pytest.mark.parametrize("name", vectors("uce_legacy"))
def test_the_closed_form_of_2023_matches_the_authors_in_both_techniques(parity, double_model, name):
    vector = Vector(parity / "uce_legacy" / name)
    given = vector.input
    method = UCEEmcid(
        technique=given["technique"],
        ridge=given["lamb"],
        erase_scale=given["erase_scale"],
        preserve_scale=given["preserve_scale"],
        retain=tuple(given["retain_texts"] or [""]),
        keys=given["with_to_k"],
    )
    pairs = zip(given["old_texts"], given["new_texts"], strict=True)
    edit = method.edit(double_model, requests_of(pairs), context=MethodContext(Memory()))
    off = worst(edit, double_model, vector.tensors("expected_fp64"))
    print(f"uce_legacy/{name} W {off:.1e}")
    assert off < 1e-10


# --- debias


def concepts_of(texts, classes) -> list[Concept]:
    return [Concept(text, tuple(others)) for text, others in zip(texts, classes, strict=True)]


class Table:
    """Shares from a table instead of images: rows[round][concept]."""

    def __init__(self, rows, texts):
        self.rows, self.texts, self.round = rows, texts, 0

    def __call__(self, bundle, concepts):
        row = self.rows[self.round]
        self.round += 1
        return [tuple(row[self.texts.index(concept.text)]) for concept in concepts]


@pytest.mark.parametrize("name", vectors("uce_debias_legacy"))
def test_the_rounds_of_2023_match_the_authors(parity, double_model, name):
    vector = Vector(parity / "uce_debias_legacy" / name)
    given = vector.input
    method = UCEDebias(
        variant=2023,
        tolerance=given["max_bias_diff"],
        step=given["weight_step"],
        ridge=given["lamb"],
        erase_scale=given["erase_scale"],
        preserve_scale=given["preserve_scale"],
        retain=tuple(given["retain_texts"] or ()),
        keys=given["with_to_k"],
    )
    table = Table(given["ratio_table"], given["old_texts"])
    concepts = concepts_of(given["old_texts"], given["class_prompts_final"])
    edit = balance(method, double_model, concepts, table)
    wanted = vector.tensors("expected_fp64")
    off = worst(edit, double_model, wanted)
    before = {name: double_model.parameter(f"unet.{name}") for name in wanted}
    moved = max(apart(edit.weights[f"unet.{name}"] - before[name], W - before[name]) for name, W in wanted.items())
    print(f"uce_debias_legacy/{name} W {off:.1e} W-W0 {moved:.1e}")
    assert table.round == given["iterations_used"]
    assert moved < 1e-6


@pytest.mark.parametrize("name", vectors("uce_debias"))
def test_the_rounds_of_2025_match_the_authors(parity, double_model, name):
    vector = Vector(parity / "uce_debias" / name)
    given = vector.input
    counts = given["label_counts[iteration][edit_concept][debias_concept]"]
    shares = [[[n / given["num_images_per_prompt"] for n in row] for row in each] for each in counts]
    method = UCEDebias(
        variant=2025,
        shares=tuple(given["desired_ratios"]),
        tolerance=given["max_diff"],
        rounds=given["max_iterations"],
        ridge=given["lamb"],
        erase_scale=given["edit_scale"],
        preserve_scale=given["preserve_scale"],
        retain=tuple(given["preserve_concepts"] or ()),
    )
    concepts = concepts_of(given["edit_concepts"], [given["debias_concepts"]] * len(given["edit_concepts"]))
    edit = balance(method, double_model, concepts, Table(shares, given["edit_concepts"]))
    off = worst(edit, double_model, vector.tensors("expected_fp64"))
    print(f"uce_debias/{name} W {off:.1e}")
    assert off < 1e-11
