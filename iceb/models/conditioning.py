"""Text conditioning of the denoiser: states of one or two text encoders, one pass per distinct text."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeAlias

import torch
from torch import Tensor

from iceb.base.digest import digest
from iceb.specs.methods import Bundle
from iceb.stores.text_states import TextStateStore

KEPT = 512  # texts whose states are kept; at 77 × 768 numbers each, about 120 MB


@dataclass(frozen=True)
class Condition:
    """The denoiser's conditioning for N texts."""

    states: Tensor  # (N, 77, width): token states, both encoders' side by side
    pooled: Tensor | None  # (N, width) of the second encoder; None where there is one encoder

    def rows(self, index: slice) -> "Condition":
        """The condition of some of the texts."""
        return Condition(self.states[index], None if self.pooled is None else self.pooled[index])


def join_conditions(parts: Sequence[Condition]) -> Condition:
    """The conditions of several groups of texts as one."""
    pooled = [part.pooled for part in parts if part.pooled is not None]
    return Condition(torch.cat([part.states for part in parts]), torch.cat(pooled) if pooled else None)


Known: TypeAlias = "OrderedDict[str, Condition]"


class TextReader:
    """A reader of texts by a bundle's text encoders; make a new one after the bundle is edited.

    Texts go through the encoders in groups of one fixed size (one on a CPU, where that is as fast; more on a GPU), for
    the reason given at `Family.block`.

    Args:
        bundle: the model.
        store: where to keep the states of the model as it was loaded; used with one encoder in float32 on a CPU,
            where reading a text takes longer than reading a file.
        environment: library and device facts that can change the last bit; part of every key.
    """

    def __init__(
        self, bundle: Bundle, store: TextStateStore | None = None, environment: Mapping[str, Any] | None = None
    ) -> None:
        self.pipeline: Any = bundle.pipeline
        self._pairs = _encoders(self.pipeline, bundle)
        self._group = 1 if bundle.device.type == "cpu" else bundle.images_per_pass.size
        self._store = store if _is_storable(bundle) else None
        if self._store is not None:  # stored states must be those of the model that the key names
            bundle.verify(
                [name for name in bundle.pipeline.components if name.startswith(("text_encoder", "tokenizer"))]
            )
        self._owner = {"model": bundle.base_digest, **(environment or {})}
        self._known: Known = OrderedDict()
        self._lock = Lock()  # tokenizers must not be shared between threads at the same moment

    def __call__(self, texts: Sequence[str], *, keep: bool = True) -> Condition:
        """The condition of `texts`, in their order.

        Args:
            texts: any number, some of them equal.
            keep: put what had to be read into the store; what is there already is taken from it in any case.
        """
        found = {text: condition for text in dict.fromkeys(texts) if (condition := self._from_memory(text)) is not None}
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        for start in range(0, len(missing), self._group):
            found.update(self._read_group(missing[start : start + self._group], keep))
        return join_conditions([found[text] for text in texts])

    def flush(self) -> None:
        """Write what was kept and still waits in memory."""
        if self._store is not None:
            self._store.flush()

    def negative(self, text: str) -> Condition:
        """The condition of one negative text, which guidance steers away from."""
        condition = self([text])
        if text == "" and self.pipeline.config.get("force_zeros_for_empty_prompt") and condition.pooled is not None:
            return Condition(torch.zeros_like(condition.states), torch.zeros_like(condition.pooled))
        return condition

    def _from_memory(self, text: str) -> Condition | None:
        with self._lock:
            if text in self._known:
                self._known.move_to_end(text)
            return self._known.get(text)

    def _read_group(self, texts: list[str], keep: bool) -> dict[str, Condition]:
        """The conditions of a group of texts, from the store where it has them all."""
        if self._store is None:
            return self._remember(self._read(texts))
        keys = {text: digest({**self._owner, "text": text}) for text in texts}
        kept = {text: self._store.read(key) for text, key in keys.items()}
        if all(states is not None for states in kept.values()):
            made = {text: Condition(torch.from_numpy(states)[None], None) for text, states in kept.items()}
            return self._remember(made)
        made = self._remember(self._read(texts))
        for text, condition in made.items() if keep else ():
            self._store.publish(keys[text], condition.states[0].numpy())
        return made

    def _read(self, texts: list[str]) -> dict[str, Condition]:
        filled = [*texts, *[texts[-1]] * (self._group - len(texts))]  # one shape for every group
        whole = _encode(self._pairs, [self._tokens(tokenizer, filled) for tokenizer, _ in self._pairs])
        return {text: whole.rows(slice(row, row + 1)) for row, text in enumerate(texts)}

    def _remember(self, read: dict[str, Condition]) -> dict[str, Condition]:
        with self._lock:
            self._known.update(read)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return read

    def _tokens(self, tokenizer: Any, texts: list[str]) -> Any:
        with self._lock:
            length = tokenizer.model_max_length
            return tokenizer(texts, padding="max_length", max_length=length, truncation=True, return_tensors="pt")


def _is_storable(bundle: Bundle) -> bool:
    """Whether the states are those of the model as loaded, in a format that a plain array holds."""
    plain = bundle.device.type == "cpu" and bundle.dtype == torch.float32
    return plain and bundle.reads_as_loaded and len(bundle.family.text_encoders) == 1


def _encoders(pipeline: Any, bundle: Bundle) -> list[tuple[Any, Any]]:
    """(tokenizer, encoder) pairs in the order in which the denoiser reads them."""
    tokenizers = [name.replace("text_encoder", "tokenizer") for name in bundle.family.text_encoders]
    return [
        (getattr(pipeline, tokenizer), getattr(pipeline, encoder))
        for tokenizer, encoder in zip(tokenizers, bundle.family.text_encoders, strict=True)
    ]


def _encode(pairs: list[tuple[Any, Any]], tokens: list[Any]) -> Condition:
    """Encode as diffusers does: one encoder's last state, or two encoders' penultimate ones side by side."""
    outputs = [_run(encoder, each, deep=len(pairs) > 1) for (_, encoder), each in zip(pairs, tokens, strict=True)]
    if len(pairs) == 1:
        return Condition(outputs[0][0], None)
    states = torch.cat([output.hidden_states[-2] for output in outputs], dim=-1)  # (N, 77, d1 + d2)
    return Condition(states, outputs[1][0])


def _run(encoder: Any, tokens: Any, deep: bool) -> Any:
    masked = getattr(encoder.config, "use_attention_mask", False)
    mask = tokens.attention_mask.to(encoder.device) if masked else None
    return encoder(tokens.input_ids.to(encoder.device), attention_mask=mask, output_hidden_states=deep)
