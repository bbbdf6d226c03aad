"""A model by name: families, folders, and one clear line for everything else."""

import json
import re
import shutil

import pytest

from iceb.base.errors import ModelError
from iceb.models.bundle import ModelBundle
from iceb.models.families import FAMILIES
from iceb.models.sources import find
from iceb.specs.runs import Sampling


@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if family.revision])
def test_real_families_are_pinned(name):
    source = find(name)
    assert re.fullmatch(r"[0-9a-f]{40}", source.ref.revision)
    assert source.folder is None
    assert source.ref.family == name


def test_families_agree_with_their_names():
    assert all(name == family.name and family.title for name, family in FAMILIES.items())
    assert FAMILIES["sdxl"].text_encoders == ("text_encoder", "text_encoder_2")


@pytest.mark.parametrize(
    ("named", "complaint"),
    [
        ("sd41", "unknown model 'sd41': did you mean sd21 or sd15"),
        ("flux-schnell", "choose one of mini, sd14"),
        ("./nowhere", "no such folder"),
        ("/nowhere/at/all", "no such folder"),
    ],
)
def test_names_that_are_no_model_are_refused_by_name(named, complaint):
    with pytest.raises(ModelError, match=complaint):
        find(named)


def test_a_file_is_no_model(tmp_path):
    (tmp_path / "model.ckpt").write_text("")
    with pytest.raises(ModelError, match="is a file: name the folder"):
        find(str(tmp_path / "model.ckpt"))


def test_an_empty_folder_is_no_model(tmp_path):
    with pytest.raises(ModelError, match="not a diffusers model: it has no model_index"):
        find(str(tmp_path))


@pytest.fixture
def copied_model(tiny_sd_folder, tmp_path):
    return shutil.copytree(tiny_sd_folder, tmp_path / "model")


def test_a_damaged_index_is_named(copied_model):
    (copied_model / "model_index.json").write_text("{")
    with pytest.raises(ModelError, match="not JSON at line 1"):
        find(str(copied_model))


def test_another_kind_of_pipeline_is_refused(copied_model):
    (copied_model / "model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline"}))
    with pytest.raises(ModelError, match="declares a FluxPipeline: iceb draws with StableDiffusionPipeline or"):
        find(str(copied_model))


def test_pickled_weights_are_never_read(copied_model):
    weights = copied_model / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(ModelError, match="pickled weights are never read"):
        find(str(copied_model))


@pytest.mark.parametrize("part", ["tokenizer", "scheduler", "tokenizer_2"])
def test_a_folder_that_lacks_a_part_is_refused_when_it_is_found(tiny_sdxl_folder, tmp_path, part):
    folder = shutil.copytree(tiny_sdxl_folder, tmp_path / "model")
    shutil.rmtree(folder / part)
    with pytest.raises(ModelError, match=rf"{part} lacks .*: save the whole pipeline with save_pretrained"):
        find(str(folder))


def test_both_forms_of_a_tokenizer_serve(copied_model):
    for file in (copied_model / "tokenizer").iterdir():
        file.unlink()
    (copied_model / "tokenizer" / "vocab.json").write_text("{}")
    with pytest.raises(ModelError, match=r"lacks tokenizer\.json, or vocab\.json and merges\.txt"):
        find(str(copied_model))
    (copied_model / "tokenizer" / "merges.txt").write_text("")
    assert find(str(copied_model)).folder == copied_model


def test_a_copy_of_mini_is_mini_and_another_byte_makes_it_a_folder(tmp_path):
    mini = find("mini")
    assert mini.folder is not None
    folder = shutil.copytree(mini.folder, tmp_path / "mymini")
    (folder / "README.md").write_text("A copy.")
    assert (find(str(folder)).ref, find(str(folder)).family) == (mini.ref, mini.family)
    with (folder / "vae" / "diffusion_pytorch_model.safetensors").open("ab") as weights:
        weights.write(b"0")
    assert find(str(folder)).ref.family == "path"


def test_damaged_weights_are_one_clear_error(copied_model):
    weights = copied_model / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot load the model in"):
        _ = ModelBundle(find(str(copied_model)), "cpu").pipeline


def test_a_folder_is_drawn_at_the_size_it_was_made_for(tiny):
    assert (tiny.family.sampling.height, tiny.family.sampling.width) == (32, 32)
    assert tiny.ref.family == "path"


def test_a_folder_may_declare_its_defaults(copied_model):
    said = {"sampling": {"scheduler": "ddim", "steps": 2, "guidance": 3.0, "height": 32, "width": 32}}
    (copied_model / "iceb.json").write_text(json.dumps({**said, "measures": {"imagenet_classifier": "mine"}}))
    family = find(str(copied_model)).family
    assert family.sampling == Sampling("ddim", 2, 3.0, 32, 32)
    assert family.measures == {"imagenet_classifier": "mine"}


@pytest.mark.parametrize("said", ['{"samples": 3}', '{"sampling": {"steps": 0}}'])
def test_a_wrong_declaration_is_named(copied_model, said):
    (copied_model / "iceb.json").write_text(said)
    with pytest.raises(ModelError, match=r"iceb\.json"):
        find(str(copied_model))


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "mps", "meta"])
def test_a_device_that_is_not_there_is_named(tiny_sd_folder, device):
    with pytest.raises(ModelError, match=f"`device` {device}"):
        ModelBundle(find(str(tiny_sd_folder)), device)
