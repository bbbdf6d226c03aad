"""Small models for the contract's tests; a method that spoils one spoils no other test."""

import copy
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from iceb.models.bundle import ModelBundle
from iceb.models.families import FAMILIES
from iceb.models.loading import load_pipeline
from iceb.models.sources import find
from tests.conftest import save_sd


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A random pipeline with as many text layers as mini; tests take copies."""
    source = find(str(save_sd(tmp_path_factory.mktemp("contract") / "sd", layers=12)))
    return load_pipeline(source, torch.device("cpu"))


@pytest.fixture
def bundle(pipeline: Any) -> ModelBundle:
    """A copy of its own, which calls itself mini: with embedded captions and ten steps a picture."""
    parts = {name: _copy(part) for name, part in pipeline.components.items()}
    own = type(pipeline)(**parts, requires_safety_checker=False)
    own.set_progress_bar_config(disable=True)
    return ModelBundle.of_pipeline(own, FAMILIES["mini"])


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
