"""Small random pipelines of exactly the layouts of the real ones, saved to disk and loaded as a user's folder is.

Their tokenizer is CLIP's with the most frequent fifth of its merges, which open_clip ships, so nothing is fetched: any
text has tokens, rare words more of them. The whole vocabulary was most of what a tiny model's digests and copies took.
"""

import gc
import gzip
import json
import os
import tempfile
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: workers of a parallel test run share cores

import pytest
from hypothesis import settings

from tests.outside import DATA
from tests.warm import warm_process

# The same examples every time, and no limit of time: a machine that is busy fails no test.
settings.register_profile("iceb", deadline=None, derandomize=True)
settings.load_profile("iceb")


def pytest_collection_finish() -> None:
    """Keep the garbage collector from what lives to the end, the libraries and the collected tests.

    It looked through all of it whenever a check of a method measures memory, for a fifth of a second each time.
    """
    gc.collect()
    gc.freeze()


BLANKS = (range(ord("!"), ord("~") + 1), range(ord("¡"), ord("¬") + 1), range(ord("®"), ord("ÿ") + 1))
MARKS = 2 * 256 + 2  # bytes, alone and at a word's end, and the two marks
CLIPS = 49_408 - MARKS  # merges of CLIP's own vocabulary
VOCABULARY = 10_000
MERGES = VOCABULARY - MARKS
WHOLE = ("tabby</w>", "retriever</w>")  # rare words that are one token each, as in CLIP
HIDDEN = 32


@cache
def _vocabulary() -> tuple[dict[str, int], list[str]]:
    """The most frequent part of CLIP's vocabulary, and its merges."""
    found = find_spec("open_clip")  # its import takes long
    assert found is not None
    assert found.origin is not None
    packed = Path(found.origin).parent / "bpe_simple_vocab_16e6.txt.gz"
    ranked = gzip.decompress(packed.read_bytes()).decode("utf-8").split("\n")[1 : CLIPS + 1]
    whole = [merge for merge in ranked if any("".join(merge.split()) in word for word in WHOLE)]
    frequent = [merge for merge in ranked if merge not in whole][: MERGES - len(whole)]
    kept = {*whole, *frequent}
    merges = [merge for merge in ranked if merge in kept]
    printable = [number for span in BLANKS for number in span]
    hidden = [number for number in range(256) if number not in printable]
    symbols = [chr(number) for number in printable] + [chr(256 + place) for place in range(len(hidden))]
    words = [*symbols, *(f"{symbol}</w>" for symbol in symbols), *("".join(merge.split()) for merge in merges)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    return {word: index for index, word in enumerate(words)}, merges


def make_tokenizer(folder: Path, pad: str = "<|endoftext|>") -> Any:
    """CLIP's tokenizer, built without the hub."""
    from transformers import CLIPTokenizer

    vocabulary, merges = _vocabulary()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
    marks = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    config = {**marks, "pad_token": pad, "model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return CLIPTokenizer.from_pretrained(folder)


def make_text_encoder(layers: int = 4, projected: bool = False, **changes: Any) -> Any:
    """A small random CLIP text encoder over the tokenizer's vocabulary."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        projection_dim=HIDDEN,
        bos_token_id=VOCABULARY - 2,
        eos_token_id=VOCABULARY - 1,
        pad_token_id=1,
        **changes,
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def make_unet(width: int = HIDDEN, **changes: Any) -> Any:
    """A small random denoiser of 8×8 latents."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=width,
        norm_num_groups=8,
        **{"attention_head_dim": 8, **changes},
    )


def make_vae() -> Any:
    """A small random autoencoder: 32×32 pixels, 8×8 latents."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(8, 16, 16),
        norm_num_groups=4,
        latent_channels=4,
        sample_size=32,
    )


def make_noise_schedule(kind: str = "PNDMScheduler", **changes: Any) -> Any:
    """The published models' noise schedule."""
    import diffusers

    return getattr(diffusers, kind)(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, **changes
    )


def save_sd(folder: Path, seed: int = 0, layers: int = 4) -> Path:
    """A pipeline of the layout of Stable Diffusion 1.x."""
    import torch
    from diffusers import StableDiffusionPipeline

    torch.manual_seed(seed)
    pipeline = StableDiffusionPipeline(
        vae=make_vae(),
        text_encoder=make_text_encoder(layers),
        tokenizer=make_tokenizer(folder / "tokenizer"),
        unet=make_unet(),
        scheduler=make_noise_schedule(skip_prk_steps=True, set_alpha_to_one=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    return folder


def save_sd21(folder: Path, seed: int = 1) -> Path:
    """A pipeline of the layout of Stable Diffusion 2.1: OpenCLIP encoder, linear projections, v-prediction."""
    import torch
    from diffusers import StableDiffusionPipeline

    torch.manual_seed(seed)
    pipeline = StableDiffusionPipeline(
        vae=make_vae(),
        text_encoder=make_text_encoder(5, hidden_act="gelu"),
        tokenizer=make_tokenizer(folder / "tokenizer", pad="!"),
        unet=make_unet(attention_head_dim=(2, 4), use_linear_projection=True),
        scheduler=make_noise_schedule("DDIMScheduler", prediction_type="v_prediction", clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    return folder


def save_sdxl(folder: Path, seed: int = 2) -> Path:
    """A pipeline of the layout of Stable Diffusion XL: two text encoders, pooled text and sizes as added conditions."""
    import torch
    from diffusers import StableDiffusionXLPipeline

    torch.manual_seed(seed)
    unet = make_unet(
        2 * HIDDEN,
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=HIDDEN + 6 * 8,
    )
    pipeline = StableDiffusionXLPipeline(
        vae=make_vae(),
        text_encoder=make_text_encoder(4),
        text_encoder_2=make_text_encoder(5, projected=True, hidden_act="gelu"),
        tokenizer=make_tokenizer(folder / "tokenizer"),
        tokenizer_2=make_tokenizer(folder / "tokenizer_2", pad="!"),
        unet=unet,
        scheduler=make_noise_schedule("EulerDiscreteScheduler"),
        add_watermarker=False,
    )
    pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def only_declared_data() -> None:
    """Hide a developer's own ICEB_DATA from commands and checks: the tests of upstream data have read it by now."""
    os.environ.pop(DATA, None)


@pytest.fixture(scope="session")
def tiny_sd_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random pipeline of Stable Diffusion 1.x's layout, as a folder."""
    return save_sd(tmp_path_factory.mktemp("tiny") / "sd")


@pytest.fixture(scope="session")
def tiny_sd21_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random pipeline of Stable Diffusion 2.1's layout, as a folder."""
    return save_sd21(tmp_path_factory.mktemp("tiny") / "sd21")


@pytest.fixture(scope="session")
def tiny_sdxl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random pipeline of Stable Diffusion XL's layout, as a folder."""
    return save_sdxl(tmp_path_factory.mktemp("tiny") / "sdxl")


def load(folder: Path) -> Any:
    """The bundle of a folder, on the CPU."""
    from iceb.models.bundle import ModelBundle
    from iceb.models.sources import find

    return ModelBundle(find(str(folder)), "cpu")


@pytest.fixture(scope="session")
def tiny_sd(tiny_sd_folder: Path) -> Any:
    """The bundle of `tiny_sd_folder`; tests leave it as they found it."""
    return load(tiny_sd_folder)


@pytest.fixture(scope="session")
def tiny_sd21(tiny_sd21_folder: Path) -> Any:
    """The bundle of `tiny_sd21_folder`."""
    return load(tiny_sd21_folder)


@pytest.fixture(scope="session")
def tiny_sdxl(tiny_sdxl_folder: Path) -> Any:
    """The bundle of `tiny_sdxl_folder`."""
    return load(tiny_sdxl_folder)


@pytest.fixture(params=["tiny_sd", "tiny_sd21", "tiny_sdxl"])
def tiny(request: pytest.FixtureRequest) -> Any:
    """Each of the three layouts in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def warm_python() -> Iterator[Path]:
    """An executable that runs Python programs in forks of a process with the libraries already imported."""
    with tempfile.TemporaryDirectory(prefix="iceb-") as folder, warm_process(Path(folder)) as python:
        yield python


@pytest.fixture(autouse=True)
def no_damage_left() -> Iterator[None]:
    """What one test found damaged is told by no command of another."""
    yield
    from iceb.stores.damage import take_damage

    take_damage()
