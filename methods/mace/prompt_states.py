"""Text states of prompt lists, computed once by the text encoder(s) and stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from iceb.base.progress import stage
from iceb.methods.common.attention.text_states import algebra_device
from iceb.methods.common.denoiser import Condition
from iceb.methods.common.stored_parts import stored_part
from iceb.models import threads
from iceb.models.conditioning import TextReader
from iceb.specs.methods import Bundle, Scratch

Texts = tuple[str, ...]
Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class PromptStates:
    """Text states of P prompts as the denoiser reads them, padded to the encoder's full length."""

    ids: tuple[tuple[int, ...], ...]  # P rows of L token ids
    ends: tuple[int, ...]  # (P,) place of each row's first end token
    condition: Condition  # context (P, L, d)

    @property
    def rows(self) -> Tensor:
        """The states as rows, (P, L, d) float64."""
        context = self.condition.context
        return context.to(algebra_device(context.device)).double()


class PromptReader:
    """A reader of prompt lists by the unedited text encoders; each list is encoded once and stored.

    Every list is used by two or three stages and by every number of edits, and encoding is what costs.
    """

    def __init__(self, bundle: Bundle, scratch: Scratch) -> None:
        self.bundle, self.scratch = bundle, scratch.depends_on()
        self.model = bundle.digest
        self.tokenizer = bundle.pipeline.tokenizer  # a second encoder's tokens differ in their pads only
        self._reader = TextReader(bundle)

    def fetch(self, lists: Iterable[Texts]) -> None:
        """Encode and store these lists; on a CPU every core reads lists of its own."""
        missing = [texts for texts in dict.fromkeys(lists) if self.scratch.get(self._key(texts)) is None]
        with stage("text states", len(missing)) as advance:
            made = threads.run_passes(self.bundle.device, self._arrays, missing)
            for texts, arrays in zip(missing, made, strict=True):
                for part, array in arrays.items():
                    self.scratch.put(self._key(texts, part), array)
                advance(1)

    def __call__(self, texts: Texts) -> PromptStates:
        """The states of one list of prompts."""
        self.fetch([texts])
        ids, ends = self.tokens(texts)
        context = self._tensor(stored_part(self.scratch, self._key(texts)))
        pooled = self.scratch.get(self._key(texts, "pooled"))
        return PromptStates(ids, ends, Condition(context, None, None if pooled is None else self._tensor(pooled)))

    def tokens(self, texts: Texts) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]:
        """Padded token ids and the position of each prompt's first end token, truncated."""
        limit = self.tokenizer.model_max_length
        read = self.tokenizer(list(texts), padding="max_length", truncation=True, max_length=limit)
        return tuple(map(tuple, read["input_ids"])), tuple(sum(mask) - 1 for mask in read["attention_mask"])

    def own_ids(self, name: str) -> list[int]:
        """A concept's token ids without start and end token."""
        found: list[int] = self.tokenizer(name, add_special_tokens=False)["input_ids"] if name else []
        return found

    def _arrays(self, texts: Sequence[str]) -> dict[str, Array]:
        with torch.no_grad():
            found = self._reader(texts)
        arrays = {"context": found.states.float().cpu().numpy()}
        if found.pooled is not None:
            arrays["pooled"] = found.pooled.float().cpu().numpy()
        return arrays

    def _key(self, texts: Texts, part: str = "context") -> dict[str, Any]:
        return {"what": "mace prompt states", "part": part, "model": self.model, "texts": texts}

    def _tensor(self, array: Array) -> Tensor:
        return torch.from_numpy(array.copy()).to(self.bundle.device)
