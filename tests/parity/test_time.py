"""TIME against the authors' own numbers; `pytest tests/parity -rP` prints the relative difference per vector."""

import pytest
import torch

from iceb.methods.common.attention import StateReader
from iceb.methods.time import TIME
from iceb.methods.time.editing import Rows, texts
from iceb.specs.methods import MethodContext
from iceb.specs.requests import EditRequest
from tests.parity.conftest import Vector, apart, vectors

MAP = "row_map_per_text (row of the new embedding that feeds the value of each of the 77 old rows)"


@pytest.fixture(scope="module")
def double(parity):
    """The authors' tiny model in float64, as a bundle."""
    from diffusers import StableDiffusionPipeline

    from iceb.models.bundle import ModelBundle

    torch.set_num_threads(1)
    options = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    pipeline = StableDiffusionPipeline.from_pretrained(parity / "models" / "tiny-sd", **options)
    pipeline.set_progress_bar_config(disable=True)
    for part in (pipeline.text_encoder, pipeline.unet, pipeline.vae):
        part.requires_grad_(False)
    bundle = ModelBundle.of_pipeline(pipeline)
    pipeline.to(torch.float64)
    return bundle


def request_of(said) -> EditRequest:
    return EditRequest("time", said["old"], (said["new"],), ("{}",), 0)


@pytest.mark.parametrize("name", vectors("time"))
def test_the_edited_weights_match_the_authors(parity, double, name):
    vector = Vector(parity / "time" / name)
    said = vector.input
    method = TIME(ridge=said["lamb"], keys=said["with_to_k"], augment=said["with_augs"], strict=True)
    edit = method.edit(double, [request_of(said)], context=MethodContext(None))
    wanted = {key: value for key, value in vector.tensors("expected_fp64").items() if key.endswith("weight")}
    changed = {key for key in wanted if not torch.equal(wanted[key], double.parameter(f"unet.{key}"))}
    assert {key.removeprefix("unet.") for key in edit.weights} >= changed
    worst = max(apart(edit.weights[f"unet.{key}"], wanted[key]) for key in changed)
    print(f"{name} W {worst:.1e}")
    assert worst < 1e-10


@pytest.mark.parametrize("name", vectors("time"))
def test_texts_and_rows_match_the_authors(parity, double, name):
    said = Vector(parity / "time" / name).input
    pairs = texts(request_of(said), augment=said["with_augs"])
    wanted = zip(said["old_texts"], said["new_texts"], strict=True)
    assert [[old.lower(), new.lower()] for old, new in pairs] == [[old.lower(), new.lower()] for old, new in wanted]
    reader, rows = StateReader(double), Rows(double.pipeline.tokenizer, strict=True)
    assert [rows.places(*reader(pair)) for pair in pairs] == said[MAP]
