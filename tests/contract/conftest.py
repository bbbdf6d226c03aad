"""Small models for the contract's tests; a method that spoils one spoils no other test."""

import copy
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from iceb.models.bundle import ModelBundle
from iceb.models.families import FAMILIES
from iceb.models.loading import load_pipeline
from iceb.models.sources import find
from iceb.specs.runs import Sampling
from tests.conftest import make_tokenizer, make_unet, make_vae

QUICK_MINI = replace(FAMILIES["mini"], sampling=Sampling("ddim", 2, 3.0, 32, 32), block={"cpu": 2, "cuda": 2})


@pytest.fixture(scope="session")
def tiny_pipeline(tiny_sd_folder: Path) -> Any:
    """A small random pipeline; tests take copies."""
    return load_pipeline(find(str(tiny_sd_folder)), torch.device("cpu"))


@pytest.fixture(scope="session")
def mini_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """mini with fewer tokens, a smaller denoiser and autoencoder: quick, and as wide as settings for mini expect."""
    found = load_pipeline(find("mini"), torch.device("cpu"))
    take_fewer_tokens(found, make_tokenizer(tmp_path_factory.mktemp("fewer") / "tokenizer"))
    torch.manual_seed(0)
    width = found.text_encoder.config.hidden_size
    found.register_modules(unet=make_unet(width).eval().requires_grad_(False))
    found.register_modules(vae=make_vae().eval().requires_grad_(False))
    return found


def take_fewer_tokens(pipeline: Any, tokenizer: Any) -> None:
    """Give a pipeline a tokenizer that has some of its own one's tokens, each with the embedding that it had."""
    places = pipeline.tokenizer.get_vocab()
    kept = [places[token] for token in tokenizer.convert_ids_to_tokens(range(len(tokenizer)))]
    encoder = pipeline.text_encoder
    weight = encoder.get_input_embeddings().weight[kept].clone()
    encoder.set_input_embeddings(torch.nn.Embedding.from_pretrained(weight))
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    encoder.config.update({"vocab_size": len(kept), "pad_token_id": tokenizer.pad_token_id, **ids})
    pipeline.register_modules(tokenizer=tokenizer)


@pytest.fixture
def bundle(tiny_pipeline: Any) -> ModelBundle:
    """A copy of the tiny pipeline, for one test."""
    return ModelBundle.of_pipeline(_own(tiny_pipeline), QUICK_MINI)


@pytest.fixture
def mini(mini_pipeline: Any) -> ModelBundle:
    """A copy of the shrunken mini, which calls itself mini: it has the embedded captions."""
    return ModelBundle.of_pipeline(_own(mini_pipeline), QUICK_MINI)


def _own(pipeline: Any) -> Any:
    """A pipeline with weights of its own."""
    parts = {name: _copy(part) for name, part in pipeline.components.items()}
    own = type(pipeline)(**parts, requires_safety_checker=False)
    own.set_progress_bar_config(disable=True)
    return own


def _copy(part: Any) -> Any:
    """A tokenizer is shared: copies lose its decoder."""
    return part if hasattr(part, "model_max_length") else copy.deepcopy(part)


@pytest.fixture(autouse=True)
def process_as_before() -> Iterator[None]:
    """Random states and torch's modes as they were: a broken method may change them."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    modes = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()
    yield
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])
    random.setstate(states[2])
    torch.set_default_dtype(modes[0])
    torch.set_grad_enabled(modes[1])
    torch.set_num_threads(modes[2])
