"""Where MACE looks for a concept in its training images."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from iceb.base.errors import ModelError
from iceb.methods.mace import MACE
from iceb.methods.mace.concepts import Concept
from iceb.methods.mace.grounded_sam import GroundedSam
from iceb.methods.mace.masking import TrainingMasks
from iceb.methods.mace.prompt_states import PromptReader
from iceb.methods.mace.segmenting import fill_empty_masks, mask_by_ground
from iceb.methods.mace.training_images import TrainingImages
from iceb.mini.render import render
from iceb.mini.world import class_look
from iceb.specs.methods import MethodContext
from iceb.specs.requests import EditRequest
from iceb.stores.scratch import ScratchStore
from tests.memory import settings_of

CONCEPT = Concept("steam train", "sky", 3)
VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "a", "steam", "train", "cat")


def test_what_stands_out_from_minis_ground_is_the_rendered_object():
    for index in range(0, 1000, 97):
        look = class_look(index)
        image = render(look, index)
        ground = render(replace(look, shape=None), index)
        true = np.abs(image.astype(int) - ground).max(axis=-1) > 60
        found = mask_by_ground(image[None], CONCEPT)[0]
        assert (found & true).sum() / (found | true).sum() > 0.8, index


def test_an_image_in_which_nothing_was_found_is_meant_as_a_whole():
    masks = np.zeros((2, 4, 4), dtype=bool)
    masks[1, 0] = True
    assert fill_empty_masks(masks)[0].all()
    assert fill_empty_masks(masks)[1].sum() == 4


def open_scratch(folder, method):
    return ScratchStore(folder, {"test": "masks"}, settings_of(method))


def desk(bundle, tmp_path, **changes):
    method = MACE(**{**dict(MACE.card.quick), "images": 2, **changes})
    scratch = open_scratch(tmp_path, method)
    images = TrainingImages(bundle, scratch, method.images, method.draw_steps)
    return TrainingMasks(method, bundle, scratch, images, PromptReader(bundle, scratch))


def test_attention_gives_a_part_of_each_image_in_every_layout(tiny, tmp_path):
    masks = desk(tiny, tmp_path)
    masks.fetch([CONCEPT])
    found = masks(CONCEPT)
    assert found.shape == (2, 32, 32)
    assert 0 < found.mean() < 1


@pytest.mark.parametrize("changes", [{"segmenter": "none"}, {"concept_type": "style"}])
def test_styles_have_no_masks(tiny_sd, tmp_path, changes):
    masks = desk(tiny_sd, tmp_path, **changes)
    masks.fetch([CONCEPT])
    assert masks(CONCEPT) is None


def test_what_becomes_a_painting_is_a_style_without_masks_beside_masked_ones(tiny_sd, tmp_path):
    masks = desk(tiny_sd, tmp_path, concept_type="by_anchor")
    train, artist = (
        masks.method.concept(EditRequest(source, source, (dest,), ("{}",), 3))
        for source, dest in (("steam train", "sky"), ("van gogh", "painting"))
    )
    assert (train.kind, artist.kind) == ("object", "style")
    assert (train.image_prompt, artist.image_prompt) == (
        "a photo of the steam train",
        "a photo in the style of van gogh",
    )
    masks.fetch([train, artist])
    assert masks(artist) is None
    assert masks(train).shape == (2, 32, 32)


@pytest.fixture(scope="module")
def finders(tmp_path_factory):
    """Folders of a tiny random Grounding DINO and a tiny random SAM, as a user's would be."""
    folder = tmp_path_factory.mktemp("finders")
    torch.manual_seed(0)
    save_detector(folder)
    save_masker(folder)
    return str(folder / "detector"), str(folder / "masker")


def save_detector(folder):
    from transformers import (
        BertConfig,
        BertTokenizerFast,
        GroundingDinoImageProcessor,
        GroundingDinoProcessor,
        SwinConfig,
    )
    from transformers import GroundingDinoConfig as Config
    from transformers import GroundingDinoForObjectDetection as Model

    (folder / "vocab.txt").write_text("\n".join(VOCABULARY))
    swin = SwinConfig(
        image_size=32,
        embed_dim=8,
        depths=[1, 1, 1],
        num_heads=[1, 1, 1],
        window_size=2,
        out_features=["stage1", "stage2", "stage3"],
    )
    bert = BertConfig(vocab_size=10, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    layers = {
        f"{part}_{name}": value
        for part in ("encoder", "decoder")
        for name, value in (("ffn_dim", 16), ("attention_heads", 2), ("n_points", 2), ("layers", 2))
    }
    config = Config(
        backbone_config=swin,
        text_config=bert,
        d_model=32,
        num_queries=4,
        num_feature_levels=3,
        max_text_len=16,
        **layers,
    )
    Model(config).save_pretrained(folder / "detector")
    resize = GroundingDinoImageProcessor(size={"shortest_edge": 32, "longest_edge": 48})
    tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"))
    GroundingDinoProcessor(resize, tokenizer).save_pretrained(folder / "detector")


def save_masker(folder):
    from transformers import SamConfig, SamImageProcessor, SamModel, SamProcessor

    sizes = {"num_hidden_layers": 1, "num_attention_heads": 2, "mlp_dim": 16}
    vision = {
        **sizes,
        "hidden_size": 16,
        "image_size": 32,
        "patch_size": 8,
        "output_channels": 8,
        "window_size": 2,
        "global_attn_indexes": [0],
        "num_pos_feats": 4,
    }
    prompt = {"hidden_size": 8, "image_size": 32, "patch_size": 8, "mask_input_channels": 4}
    mask = {**sizes, "hidden_size": 8, "iou_head_hidden_dim": 8, "iou_head_depth": 2}
    config = SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=mask)
    SamModel(config).save_pretrained(folder / "masker")
    square = {"height": 32, "width": 32}
    resize = SamImageProcessor(
        size={"longest_edge": 32},
        pad_size=square,
        mask_size={"longest_edge": 8},
        mask_pad_size={"height": 8, "width": 8},
    )
    SamProcessor(resize).save_pretrained(folder / "masker")


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 255, (2, 32, 24, 3), dtype=np.uint8)


def test_boxes_lie_in_the_image_and_masks_have_its_size(finders, images, monkeypatch):
    monkeypatch.setattr("iceb.methods.mace.grounded_sam.BOX_THRESHOLD", 0.0)  # random models are never sure
    segment = GroundedSam(*finders, torch.device("cpu"))
    boxes = segment._boxes(images[0], "steam train")
    assert len(boxes) > 0
    assert bool((boxes[:, [0, 2]] <= 24).all())
    found = segment(images, CONCEPT)
    assert (found.shape, found.dtype) == ((2, 32, 24), bool)


def test_where_no_box_is_found_the_whole_image_is_meant(finders, images, monkeypatch):
    monkeypatch.setattr("iceb.methods.mace.grounded_sam.BOX_THRESHOLD", 1.0)
    assert GroundedSam(finders[0], "nowhere", torch.device("cpu"))(images, CONCEPT).all()


def test_the_name_is_asked_for_as_one_label(finders, images, monkeypatch):
    monkeypatch.setattr("iceb.methods.mace.grounded_sam.BOX_THRESHOLD", 0.0)
    segment = GroundedSam(*finders, torch.device("cpu"))
    processor, asked = segment.detection[0], []
    plain = type(processor).__call__
    monkeypatch.setattr(type(processor), "__call__", lambda *a, **k: (asked.append(k["text"]), plain(*a, **k))[1])
    segment._boxes(images[0], "Steam Train ")
    assert asked == ["steam train."]


def test_models_that_cannot_be_loaded_are_named_with_a_way_out(tmp_path, images):
    with pytest.raises(ModelError, match="segmenter=attention"):
        GroundedSam(str(tmp_path / "none"), "", torch.device("cpu"))(images, CONCEPT)


def test_an_edit_runs_with_the_detector_and_its_masks_are_kept(tiny_sd, finders, tmp_path):
    settings = {**dict(MACE.card.quick), "segmenter": "grounded-sam", "detector": finders[0], "masker": finders[1]}
    request, method = EditRequest("t/1", "steam train", (), ("A photo of {}",), 2), MACE(**settings)
    assert method.edit(tiny_sd, [request], context=MethodContext(open_scratch(tmp_path, method))).weights


def test_a_processor_without_its_weights_is_refused_before_any_image_is_drawn(tiny_sd, finders, tmp_path, monkeypatch):
    monkeypatch.setattr("iceb.methods.mace.training_images.seeded_images", None)
    shutil.copytree(finders[1], masker := tmp_path / "masker", ignore=shutil.ignore_patterns("*.safetensors"))
    settings = {**dict(MACE.card.quick), "segmenter": "grounded-sam", "detector": finders[0], "masker": str(masker)}
    request, method = EditRequest("t/1", "steam train", (), ("A photo of {}",), 2), MACE(**settings)
    with pytest.raises(ModelError, match=rf"cannot load {masker}.*segmenter=attention"):
        method.edit(tiny_sd, [request], context=MethodContext(open_scratch(tmp_path, method)))


def test_a_detector_that_cannot_be_fetched_is_refused_before_any_image_is_drawn(tiny_sd, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # the port on which nothing answers
    monkeypatch.setattr("iceb.methods.mace.training_images.seeded_images", None)
    settings = {**dict(MACE.card.quick), "segmenter": "grounded-sam"}
    request, method = EditRequest("t/1", "steam train", (), ("A photo of {}",), 2), MACE(**settings)
    with pytest.raises(ModelError, match=r"grounding-dino.*(cannot be reached|OFFLINE is set).*segmenter=attention"):
        method.edit(tiny_sd, [request], context=MethodContext(open_scratch(tmp_path, method)))
