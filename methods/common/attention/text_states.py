"""Text states as cross-attention reads them, with the positions of their tokens."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from iceb.base.progress import stage
from iceb.methods.common.text_encoder import slices
from iceb.models import threads
from iceb.models.conditioning import TextReader
from iceb.models.environment import environment
from iceb.specs.methods import Bundle, Scratch

TEXTS_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class TextState:
    """The states of one text as the denoiser reads it.

    Places: 0 is the start token, `last` the last content token, `last + 1` the first end token, pads follow. An empty
    or blank text has no content and `last` is 0, the start token.
    """

    text: str
    ids: tuple[int, ...]  # all L token ids, pads included
    last: int
    read: Tensor  # (L, d), the number format and device of the encoder

    @property
    def end(self) -> int:
        """Position of the first end token."""
        return self.last + 1

    @property
    def rows(self) -> Tensor:
        """The states, (L, d) float64: normalised last hidden state, or SDXL's two penultimate ones."""
        return self.read.to(algebra_device(self.read.device)).double()


def algebra_device(device: torch.device) -> torch.device:
    """The device for float64 algebra: the CPU for Apple's GPUs, which have none."""
    return torch.device("cpu") if device.type == "mps" else device


class StateReader:
    """A reader of text states by a model's text encoders; make a new one after an edit.

    Texts are padded to the encoder's full length, as drawing does, for all positions are read by cross-attention. A
    text's numbers depend neither on which texts are read beside it nor, on a CPU, on the number of threads, so they may
    be kept one by one.

    Args:
        bundle: the model.
        scratch: the method's; its `texts` hold what an unedited text encoder reads, for all methods
            (`iceb.models.conditioning.TextReader` says when). None: nothing is kept.
    """

    def __init__(self, bundle: Bundle, scratch: Scratch | None = None) -> None:
        self.bundle = bundle
        store = getattr(scratch, "texts", None)  # optional, as `Scratch` says
        self._read = TextReader(bundle, store, environment(bundle)) if store is not None else TextReader(bundle)

    def __call__(self, texts: Sequence[str]) -> list[TextState]:
        """The state of each text, in order; equal texts are read once and shared.

        All are held in memory (77 rows each) and kept; use `each` for long lists that are summed up.
        """
        distinct = list(dict.fromkeys(texts))
        found = dict(zip(distinct, self.each(distinct, keep=True), strict=True))
        return [found[text] for text in texts]

    def each(self, texts: Sequence[str], *, keep: bool = False) -> Iterator[TextState]:
        """The states of texts one after the other, few of them in memory at a time.

        Args:
            texts: distinct ones.
            keep: keep what is read: 77 rows a text, too much for long lists of which only a sum is needed again.
        """
        with stage("text states", len(texts)) as advance:
            for start, stop in slices(len(texts), TEXTS_AT_ONCE):
                yield from self._several(texts[start:stop], keep)
                advance(stop - start)
        self._read.flush()

    def _several(self, texts: Sequence[str], keep: bool) -> list[TextState]:
        """The states of a few texts; on a CPU every core reads texts of its own."""
        size = self._read.group if self.bundle.device.type == "cpu" else len(texts)
        groups = [list(texts[start:stop]) for start, stop in slices(len(texts), size)]
        read = threads.run_passes(self.bundle.device, partial(self._together, keep=keep), groups)
        states = torch.cat(list(read))  # (n, L, d)
        tokens = self._tokens(list(texts))
        rows = zip(texts, tokens["input_ids"], tokens["attention_mask"], states, strict=True)
        return [TextState(text, tuple(ids), sum(mask) - 2, state) for text, ids, mask, state in rows]

    @torch.no_grad()
    def _together(self, texts: list[str], keep: bool) -> Tensor:
        """States of texts in one pass, (n, L, d)."""
        return self._read(texts, keep=keep).states

    def _tokens(self, texts: list[str]) -> Any:
        tokenizer = self.bundle.pipeline.tokenizer  # a second encoder's tokens differ in their pads only
        limit = tokenizer.model_max_length
        return tokenizer(texts, padding="max_length", truncation=True, max_length=limit)
