"""Everything about a model, and about the process, that an edit must leave as it was."""

import random
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import torch

from iceb.base.digest import digest_array, digest_bytes, digest_tensor
from iceb.models.bundle import ModelBundle

State: TypeAlias = Mapping[tuple[str, str], object]  # (aspect, place) → what stands there
MOST = 3  # changes that are named


def state(bundle: ModelBundle) -> State:
    """The model's and the process's state, by aspect and place; weights and buffers by their content."""
    found: dict[tuple[str, str], object] = dict(_process(bundle.device))
    for name, part in bundle.pipeline.components.items():
        found["component", name] = id(part)
        found["configuration", name] = _configuration(part)
        if isinstance(part, torch.nn.Module):
            found.update(_tensors(name, part))
            found.update(_modules(name, part))
    return found


def difference(before: State, after: State) -> str:
    """The first few things that differ, in words; "" where nothing does."""
    places = [*before, *(place for place in after if place not in before)]
    missing = object()
    changed = [place for place in places if before.get(place, missing) != after.get(place, missing)]
    named = ", ".join(" of ".join(filter(None, place)) for place in changed[:MOST])
    more = len(changed) - MOST
    return f"{named} and {more} more" if more > 0 else named


def _process(device: torch.device) -> Iterator[tuple[tuple[str, str], object]]:
    kind, keys, *rest = np.random.get_state(legacy=True)
    yield ("torch's random state", ""), digest_tensor(torch.get_rng_state())
    if device.type == "cuda":
        yield ("torch's random state", "the GPU"), digest_tensor(torch.cuda.get_rng_state(device))
    yield ("numpy's random state", ""), (kind, digest_array(np.asarray(keys)), tuple(rest))
    yield ("python's random state", ""), digest_bytes(repr(random.getstate()).encode())
    yield ("torch's default number format", ""), torch.get_default_dtype()
    yield ("torch's gradient mode", ""), torch.is_grad_enabled()
    yield ("torch's number of threads", ""), torch.get_num_threads()
    yield ("torch's deterministic mode", ""), torch.are_deterministic_algorithms_enabled()


def _configuration(part: Any) -> tuple[str, ...]:
    """Configuration of a component; of a tokenizer its size and how it fills up."""
    config = getattr(part, "config", None)
    read = [str(config), str(getattr(config, "_attn_implementation", ""))]
    if hasattr(part, "model_max_length"):
        read += [str(len(part)), str(part.padding_side), str(part.model_max_length)]
    return tuple(read)


def _tensors(name: str, part: torch.nn.Module) -> Iterator[tuple[tuple[str, str], object]]:
    for place, weight in part.named_parameters():
        yield ("weight", f"{name}.{place}"), digest_tensor(weight)
        yield ("requires_grad", f"{name}.{place}"), weight.requires_grad
        yield ("gradient", f"{name}.{place}"), weight.grad is None
    for place, buffer in part.named_buffers():
        yield ("buffer", f"{name}.{place}"), digest_tensor(buffer)


def _modules(name: str, part: torch.nn.Module) -> Iterator[tuple[tuple[str, str], object]]:
    for place, module in part.named_modules():
        where = f"{name}.{place}" if place else name
        kept = vars(module)
        yield ("class", where), type(module).__qualname__
        yield ("training mode", where), module.training
        yield ("hooks", where), {key: tuple(value) for key, value in kept.items() if key.endswith("_hooks") and value}
        yield ("forward", where), id(kept["forward"]) if "forward" in kept else None
        if hasattr(module, "processor"):
            yield ("attention processor", where), type(module.processor).__qualname__
