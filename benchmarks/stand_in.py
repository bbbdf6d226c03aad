"""A stand-in for SD-1.4 with random cross-attention weights, on which closed forms are timed."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

import torch
from torch import Tensor

from iceb.models.bundle import ModelBundle
from iceb.models.conditioning import TextReader
from iceb.models.families import FAMILIES
from iceb.models.sources import find

WIDTH, POSITIONS, VOCABULARY = 768, 77, 49408
# rows of the 16 cross-attentions: down, up, middle
OUTPUTS = (*[320] * 2, *[640] * 2, *[1280] * 5, *[640] * 3, *[320] * 3, 1280)


class RandomEncoder:
    """A text encoder of random states that depend on tokens and positions; it takes almost no time."""

    device, config = torch.device("cpu"), SimpleNamespace(use_attention_mask=False)

    def __init__(self) -> None:
        draw = torch.Generator().manual_seed(0)
        self.table = torch.randn(VOCABULARY, WIDTH, generator=draw)
        self.places = torch.randn(POSITIONS, WIDTH, generator=draw)

    def parameters(self) -> list[Tensor]:
        """No parameters."""
        return []

    def __call__(self, ids: Tensor, **_: Any) -> tuple[Tensor]:
        """Text states, (n, 77, 768)."""
        states = self.table[ids]
        weight = torch.arange(1, POSITIONS + 1)[None, :, None]
        return (states + states.cumsum(dim=1) / weight + self.places,)


def encoder(real: bool) -> Any:
    """Make the text encoder: a CLIP model with random weights if `real`, else a RandomEncoder."""
    if not real:
        return RandomEncoder()
    from transformers import CLIPTextConfig, CLIPTextModel

    sizes = {"hidden_size": WIDTH, "intermediate_size": 4 * WIDTH, "num_hidden_layers": 12, "num_attention_heads": 12}
    return CLIPTextModel(CLIPTextConfig(vocab_size=VOCABULARY, eos_token_id=VOCABULARY - 1, **sizes)).eval()


class StandIn:
    """A bundle with random key and value matrices of SD-1.4's cross-attentions."""

    def __init__(self, texts: bool) -> None:
        draw = torch.Generator().manual_seed(1)
        tokenizer = ModelBundle(find("mini"), "cpu").pipeline.tokenizer  # CLIP's
        self.pipeline = SimpleNamespace(
            tokenizer=tokenizer, text_encoder=encoder(texts), unet=torch.nn.Identity(), vae=torch.nn.Identity()
        )
        self.family, self.device, self.dtype = FAMILIES["sd14"], torch.device("cpu"), torch.float32
        self.ref, self.digest, self.base_digest, self.reads_as_loaded = SimpleNamespace(family="sd14"), "", "", True
        self.weights = {
            f"unet.blocks.{place}.attn2.to_{kind}.weight": torch.randn(out, WIDTH, generator=draw) / WIDTH**0.5
            for place, out in enumerate(OUTPUTS)
            for kind in "kv"
        }

    def parameters_named(self, pattern: str) -> dict[str, Tensor]:
        """The matrices whose name ends as the pattern does."""
        return {name: W for name, W in self.weights.items() if name.endswith(pattern.rpartition("*")[2])}


class Counting:
    """A counter of the distinct texts that any encoder has read since it was made."""

    def __init__(self) -> None:
        self.texts: set[str] = set()
        plain: Any = TextReader._read

        def count_and_read(reader: TextReader, texts: list[str]) -> Any:
            self.texts.update(texts)
            return plain(reader, texts)

        TextReader._read = count_and_read  # type: ignore[method-assign]

    def take_count(self) -> int:
        """Return the count since the last call and reset it."""
        count = len(self.texts)
        self.texts.clear()
        return count


class Texts:
    """A store of texts' states in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def read(self, key: str) -> Any:
        """Return the states of a key, or None."""
        return self.kept.get(key)

    def publish(self, key: str, states: Any) -> None:
        """Store states."""
        self.kept[key] = states

    def flush(self) -> None:
        """Do nothing; no write waits."""


class Memory:
    """A scratch store in memory that drops its oldest arrays beyond `limit` bytes and notes it.

    Args:
        texts: keep the states of texts too.
    """

    limit: ClassVar[int]

    def __init__(self, texts: bool = True) -> None:
        self.kept: dict[str, Any] = {}
        self.bytes, self.forgot = 0, False
        self.texts = Texts() if texts else None

    def depends_on(self, *settings: str) -> "Memory":
        """Return this store: only one method with one set of settings uses it."""
        return self

    def array(self, key: Any, compute: Callable[[], Any]) -> Any:
        """Return the array of a key, computed and stored if there is none."""
        if (found := self.get(key)) is None:
            self.put(key, found := compute())
        return found

    def get(self, key: Any) -> Any:
        """Return the array of a key, or None."""
        return self.kept.get(json.dumps(dict(key), default=str))

    def put(self, key: Any, array: Any) -> None:
        """Store an array."""
        self.kept[json.dumps(dict(key), default=str)] = array
        self.bytes += array.nbytes
        while self.bytes > self.limit:
            self.forgot = True
            self.bytes -= self.kept.pop(next(iter(self.kept))).nbytes
