"""Text conditioning of the denoiser: states of one or two text encoders, each distinct text read once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from iceb.base.digest import digest
from iceb.models.text_layers import count_layers, from_layer, watch_layer
from iceb.models.text_memory import Kept, KeptTexts, TextMemory
from iceb.specs.methods import Bundle
from iceb.stores.text_states import TextStateStore

GROUP = 4  # texts in one pass on a CPU: a third cheaper than one by one, and few are filled up where images share texts
OWN = 2**27  # bytes that a reader keeps which shares no memory: 567 texts of 77 × 768 float32 numbers
_TOKENIZERS = Lock()  # they must not be shared between threads at the same moment, whichever reader asks


@dataclass(frozen=True)
class Condition:
    """The denoiser's conditioning for N texts."""

    states: Tensor  # (N, 77, width): token states, both encoders' side by side
    pooled: Tensor | None  # (N, width) of the second encoder; None where there is one encoder

    @classmethod
    def of(cls, kept: Kept) -> "Condition":
        """The condition of which `copies` were kept."""
        return cls(kept[0], kept[1] if len(kept) > 1 else None)

    def rows(self, index: slice) -> "Condition":
        """The condition of some of the texts."""
        return Condition(self.states[index], None if self.pooled is None else self.pooled[index])

    def copies(self) -> Kept:
        """The tensors, apart from those of which they may be a part."""
        return tuple(each.clone() for each in (self.states, self.pooled) if each is not None)


def join_conditions(parts: Sequence[Condition]) -> Condition:
    """The conditions of several groups of texts as one."""
    pooled = [part.pooled for part in parts if part.pooled is not None]
    return Condition(torch.cat([part.states for part in parts]), torch.cat(pooled) if pooled else None)


class TextReader:
    """A reader of texts by a bundle's text encoders; make a new one after the bundle is edited.

    Texts go through the encoders in groups of one fixed size, a rest filled up, for the reason given at `Family.block`.

    Args:
        bundle: the model.
        store: where to keep the states of the model as it was loaded; used with one encoder in float32 on a CPU,
            where reading a text takes longer than reading a file.
        environment: library and device facts that can change the last bit; part of every key.
        kept: what is known of texts already, shared with other readers; only for a model that was verified just now.
    """

    def __init__(
        self,
        bundle: Bundle,
        store: TextStateStore | None = None,
        environment: Mapping[str, Any] | None = None,
        kept: KeptTexts | None = None,
    ) -> None:
        self.pipeline: Any = bundle.pipeline
        self._pairs = _encoders(self.pipeline, bundle)
        self.group = GROUP if bundle.device.type == "cpu" else bundle.images_per_pass.size
        self._store = store if _is_storable(bundle) else None
        if self._store is not None:  # stored states must be those of the model that the key names
            bundle.verify(
                [name for name in bundle.pipeline.components if name.startswith(("text_encoder", "tokenizer"))]
            )
        self._owner = {"model": bundle.base_digest, **(environment or {})}
        self._kept = kept if kept is not None else KeptTexts(TextMemory(OWN))
        self._weights = [weight for _, encoder in self._pairs for weight in encoder.parameters()] if kept else []
        self._marks = self._weight_marks()
        apart = kept is not None and len(self._pairs) == 1  # of two encoders the denoiser reads an inner layer
        layers = count_layers(self._pairs[0][1]) if apart else 0
        self._top = self._kept.unchanged_layers(layers) if layers else 0
        self._watched = self._kept.watched_layer(layers) if layers else 0

    def __call__(self, texts: Sequence[str], *, keep: bool = True) -> Condition:
        """The condition of `texts`, in their order.

        Args:
            texts: any number, some of them equal.
            keep: put what had to be read into the store; what is there already is taken from it in any case.
        """
        distinct = list(dict.fromkeys(texts))
        found = {text: Condition.of(kept) for text in distinct if (kept := self._kept.get(text)) is not None}
        found |= self._from_store([text for text in distinct if text not in found])
        missing = [text for text in distinct if text not in found]
        below = {text: lower for text in missing if (lower := self._kept.find_below(text, self._top)) is not None}
        for group in self._groups([text for text in missing if text not in below]):
            found |= self._publish(self._read(group), keep)
        for layer in sorted({layer for layer, _ in below.values()}):
            for group in self._groups([text for text in below if below[text][0] == layer]):
                states = torch.stack([below[text][1] for text in self._fill(group)])
                found |= self._publish(self._read_from(layer, states, group), keep)
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

    def _groups(self, texts: list[str]) -> list[list[str]]:
        return [texts[start : start + self.group] for start in range(0, len(texts), self.group)]

    def _from_store(self, texts: list[str]) -> dict[str, Condition]:
        """The conditions of those texts that the store has."""
        if self._store is None:
            return {}
        read = {text: self._store.read(self._key(text)) for text in texts}
        return self._remember(
            {text: Condition(torch.from_numpy(rows)[None], None) for text, rows in read.items() if rows is not None}
        )

    def _read(self, texts: list[str]) -> dict[str, Condition]:
        """The conditions of a group of texts, by all layers."""
        return self._read_from(0, None, texts)

    def _read_from(self, layer: int, states: Tensor | None, texts: list[str]) -> dict[str, Condition]:
        """The conditions of a group of texts, by the layers from one on, into which `states` go."""
        pairs, seen = self._pairs, None
        if states is not None:
            pairs = [(tokenizer, from_layer(encoder, layer, states)) for tokenizer, encoder in pairs]
        if self._watched > layer:
            view, seen = watch_layer(pairs[0][1], self._watched - layer)
            pairs = [(pairs[0][0], view)]
        filled = self._fill(texts)
        whole = _encode(pairs, [self._tokens(tokenizer, filled) for tokenizer, _ in pairs])
        if seen is not None and seen.states is not None and self._is_as_made():
            for text, below in zip(texts, seen.states, strict=False):  # what fills the group is left out
                self._kept.put_below(self._watched, text, below.clone())
        return {text: whole.rows(slice(row, row + 1)) for row, text in enumerate(texts)}

    def _fill(self, texts: list[str]) -> list[str]:
        """The texts of a pass: one shape for every group."""
        return [*texts, *[texts[-1]] * (self.group - len(texts))]

    def _publish(self, read: dict[str, Condition], keep: bool) -> dict[str, Condition]:
        """Remember what was read, and put it into the store."""
        if self._store is not None and keep:
            for text, condition in read.items():
                self._store.publish(self._key(text), condition.states[0].numpy())
        return self._remember(read)

    def _remember(self, read: dict[str, Condition]) -> dict[str, Condition]:
        if self._is_as_made():
            for text, condition in read.items():
                self._kept.put(text, condition.copies())
        return read

    def _is_as_made(self) -> bool:
        """Whether the weights are those for which this reader was made, as far as their marks show."""
        return self._marks == self._weight_marks()

    def _weight_marks(self) -> list[tuple[int, int]]:
        """Place and count of changes in place of each weight; of a reader that shares its memory."""
        return [(weight.data_ptr(), weight._version) for weight in self._weights]

    def _key(self, text: str) -> str:
        return digest({**self._owner, "text": text})

    def _tokens(self, tokenizer: Any, texts: list[str]) -> Any:
        with _TOKENIZERS:
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
