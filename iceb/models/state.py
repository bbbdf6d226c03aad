"""Snapshot everything about a loaded model that decides what it draws, as values that can be compared.

Weights and buffers enter by checksum (`iceb.models.checksum`), objects by identity, settings by value. The functions of
the model's classes belong to it too: a method that replaces `UNet2DConditionModel.forward` changes every image.
"""

import sys
from collections.abc import Collection, Iterator, Mapping
from types import ModuleType
from typing import Any, TypeAlias

import diffusers
import torch

from iceb.base.digest import digest_bytes
from iceb.models.checksum import checksums

Place: TypeAlias = tuple[str, str]  # aspect, where
State: TypeAlias = Mapping[Place, object]
Entries: TypeAlias = Iterator[tuple[Place, object]]
MOST = 3  # changes that a message lists
SCHEDULERS = ("PNDMScheduler", "DPMSolverMultistepScheduler", "DDIMScheduler")  # of `make_scheduler`
PLAIN = (bool, int, float, str, type(None))
MISSING = object()


class Same:
    """An object compared by identity, held so that its id is not reused."""

    def __init__(self, held: object) -> None:
        self.held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.held is self.held

    __hash__ = None  # type: ignore[assignment]


def model_state(pipeline: Any, only: Collection[str] | None = None) -> State:
    """The state of a pipeline's components, and the numeric modes under which it draws.

    Args:
        only: the components to look at; None: all.
    """
    parts = {name: part for name, part in pipeline.components.items() if only is None or name in only}
    found: dict[Place, object] = dict(_modes())
    found["configuration", "pipeline"] = str(pipeline.config)
    tensors: dict[Place, torch.Tensor] = {}
    for name, part in parts.items():
        found["component", name] = Same(part)
        found["configuration", name] = _configuration(part)
        if isinstance(part, torch.nn.Module):
            tensors.update(_tensors(name, part))
            found.update(_modules(name, part))
            found.update(_parameters(name, part))
    found.update((("code", owner_name(owner)), functions(owner)) for owner in code_owners(parts.values()))
    return {**found, **tensor_facts(tensors)}


def tensor_facts(tensors: Mapping[Place, torch.Tensor]) -> dict[Place, object]:
    """Checksum, number format, shape, layout in memory and device of each tensor."""
    about = [(value.dtype, tuple(value.shape), value.stride(), str(value.device)) for value in tensors.values()]
    return dict(zip(tensors, zip(checksums(tensors.values()), about, strict=True), strict=True))


def model_changes(pipeline: Any, since: State, only: Collection[str] | None = None) -> str:
    """The first few things of a pipeline that differ from an earlier state, in words; "" where none does.

    Args:
        only: the components to look at; None: all.
    """
    now = model_state(pipeline, only)
    if only is not None:
        since = {place: value for place, value in since.items() if place in now or place[1].split(".")[0] in only}
    return difference(since, now)


def difference(before: State, after: State) -> str:
    """The first few things that differ, in words; "" where nothing does."""
    places = [*before, *(place for place in after if place not in before)]
    changed = [place for place in places if before.get(place, MISSING) != after.get(place, MISSING)]
    return in_words([_change_in_words(place, before.get(place), after.get(place)) for place in changed])


def in_words(changes: list[str]) -> str:
    """The first few changes.

    >>> in_words(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    more = len(changes) - MOST
    return ", ".join(changes[:MOST]) + (f" and {more} more" if more > 0 else "")


def code_owners(parts: Collection[Any]) -> list[type | ModuleType]:
    """Classes and modules whose functions decide what a model draws.

    They are the classes of its components and of the schedulers that draw, with all bases; the modules that define
    these, whose own functions the classes call; and torch.
    """
    modules = [module for part in parts if isinstance(part, torch.nn.Module) for module in part.modules()]
    processors = [module.processor for module in modules if hasattr(module, "processor")]
    kinds = dict.fromkeys(type(each) for each in [*parts, *modules, *processors] if each is not None)
    kinds.update(dict.fromkeys(getattr(diffusers, name) for name in SCHEDULERS))
    bases = dict.fromkeys(base for kind in kinds for base in kind.__mro__ if base is not object)
    defining = dict.fromkeys(sys.modules[base.__module__] for base in bases if _of_library(base.__module__))
    return [*bases, *defining, torch, torch.Tensor, torch.nn.functional]


def _of_library(module: str) -> bool:
    """Whether a module is neither Python's own nor typed into an interpreter, whose names come and go."""
    return module in sys.modules and module.partition(".")[0] not in {*sys.stdlib_module_names, "__main__"}


def functions(owner: type | ModuleType) -> dict[str, object]:
    """The functions and properties that a class itself defines, or the functions of a module."""
    made = (property, classmethod, staticmethod)
    return {name: value for name, value in vars(owner).items() if callable(value) or isinstance(value, made)}


def owner_name(owner: type | ModuleType) -> str:
    """The full name of a class or a module."""
    return owner.__name__ if isinstance(owner, ModuleType) else f"{owner.__module__}.{owner.__qualname__}"


def _modes() -> Entries:
    """Torch's modes that change what is drawn and are part of no key."""
    yield ("torch's default number format", ""), torch.get_default_dtype()
    yield ("torch's default device", ""), str(torch.get_default_device())
    for kind in ("cpu", "cuda"):
        yield ("torch's autocast", kind), torch.is_autocast_enabled(kind)


def _configuration(part: Any) -> tuple[str, ...]:
    """Configuration of a component; of a tokenizer also its size, padding, truncation and pipeline."""
    config = getattr(part, "config", None)
    read = [str(config), str(getattr(config, "_attn_implementation", ""))]
    if hasattr(part, "model_max_length"):
        names = ("padding_side", "truncation_side", "model_max_length", "pad_token_id", "bos_token_id", "eos_token_id")
        read += [str(len(part)), *(str(getattr(part, name, "")) for name in names)]
    if hasattr(part, "backend_tokenizer"):
        read.append(_tokenizer_digest(part.backend_tokenizer))
    return tuple(read)


def _tokenizer_digest(backend: Any) -> str:
    """Digest of normalizer, pre-tokenizer, vocabulary and merges; calls set padding and truncation."""
    return digest_bytes(backend.to_str().partition('"added_tokens":')[2].encode())


def _tensors(name: str, part: torch.nn.Module) -> Iterator[tuple[Place, torch.Tensor]]:
    yield from ((("weight", f"{name}.{place}"), value) for place, value in part.named_parameters())
    yield from ((("buffer", f"{name}.{place}"), value) for place, value in part.named_buffers())


def _parameters(name: str, part: torch.nn.Module) -> Entries:
    for place, weight in part.named_parameters():
        yield ("parameter object", f"{name}.{place}"), Same(weight)
        yield ("requires_grad", f"{name}.{place}"), weight.requires_grad
        yield ("gradient", f"{name}.{place}"), weight.grad is None


def _modules(name: str, part: torch.nn.Module) -> Entries:
    for place, module in part.named_modules():
        where = f"{name}.{place}" if place else name
        kept = vars(module)
        yield ("layer", where), Same(module)
        yield ("class", where), type(module)
        yield ("training mode", where), module.training
        yield ("hooks", where), _hooks(kept)
        yield ("forward", where), Same(kept.get("forward"))
        if "processor" in kept:
            yield ("attention processor", where), Same(module.processor)
            yield ("attention processor's attributes", where), _attributes(module.processor)
        yield ("attributes", where), _attributes(module)


def _hooks(kept: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The ids of a module's hooks, without those that transformers registers itself.

    It does so at the first call that asks for hidden states, and they change nothing that is computed.
    """
    found = {
        key: tuple(number for number, hook in value.items() if not _of_transformers(hook))
        for key, value in kept.items()
        if isinstance(value, dict) and value and key.endswith("_hooks")
    }
    return {key: numbers for key, numbers in found.items() if numbers}


def _of_transformers(hook: Any) -> bool:
    return str(getattr(hook, "__module__", "")).startswith("transformers.")


def _attributes(owner: Any) -> dict[str, object]:
    """Public attributes of an object, plain ones by value."""
    left_out = ("training", "forward", "processor")
    names = [name for name in getattr(owner, "__dict__", ()) if not name.startswith("_") and name not in left_out]
    return {name: _value(vars(owner)[name]) for name in names}


def _value(value: object) -> object:
    plain = isinstance(value, PLAIN) or (isinstance(value, tuple) and all(isinstance(each, PLAIN) for each in value))
    return value if plain else Same(value)


def _change_in_words(place: Place, before: object, after: object) -> str:
    """Describe one change; of attributes and functions with their names."""
    where = " of ".join(filter(None, place))
    if not isinstance(before, dict) or not isinstance(after, dict) or place[0] == "hooks":
        return where
    names = [name for name in {**before, **after} if before.get(name, MISSING) != after.get(name, MISSING)]
    return f"{where} ({', '.join(names[:MOST])})"
