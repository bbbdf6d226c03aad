"""Draws prompts into the store: only what is not there, and the same bytes whatever is drawn beside them."""

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from iceb.base.digest import digest
from iceb.base.errors import IcebError, ModelError
from iceb.base.progress import Advance, stage
from iceb.base.shortage import SMALLER, out_of_memory
from iceb.base.text import Rewriter
from iceb.models.bundle import ModelBundle
from iceb.models.conditioning import TextReader
from iceb.models.drawing import initial_latents, passes
from iceb.models.environment import environment
from iceb.specs.prompts import NoiseDraw, Prompt
from iceb.specs.runs import Sampling
from iceb.stores.images import ImageKey, ImageStore
from iceb.stores.pace import Pace
from iceb.stores.texts import TextStore

TELLING = 32  # pictures; the time of fewer is mostly that of starting


@dataclass(frozen=True)
class ImageSpec:
    """One image to draw: everything but the model and the sampling."""

    text: str  # after rewrites
    noise: NoiseDraw

    @classmethod
    def of(cls, prompt: Prompt, sampling: Sampling, rewriter: Rewriter) -> "ImageSpec":
        """What is drawn for `prompt`."""
        published = prompt.noise if sampling.noise == "upstream" else None
        return cls(rewriter(prompt.text), published or NoiseDraw(prompt.seed))


@dataclass
class Tally:
    """What a generator did."""

    drawn: int = 0
    reused: int = 0
    seconds: float = 0.0

    def __sub__(self, other: "Tally") -> "Tally":
        return Tally(self.drawn - other.drawn, self.reused - other.reused, self.seconds - other.seconds)


class Generator:
    """Prompts → keys of pictures in the store.

    Args:
        images: the store.
        batch_size: pictures whose noise is prepared together; it bounds memory and changes no picture.
        pace: where to note how long a picture took.
        texts: where to keep what the unedited model reads of a text.
    """

    def __init__(
        self,
        images: ImageStore,
        batch_size: int = 256,
        pace: Pace | None = None,
        texts: TextStore | None = None,
    ) -> None:
        self.images = images
        self.pace = pace
        self.texts = texts
        self.batch_size = batch_size
        self.tally = Tally()

    def keys(self, bundle: ModelBundle, prompts: Sequence[Prompt], sampling: Sampling) -> list[ImageKey]:
        """The key of each prompt's picture; nothing is drawn and no weight is loaded."""
        return list(self._planned(bundle, prompts, sampling)[0])

    def missing(self, bundle: ModelBundle, prompts: Sequence[Prompt], sampling: Sampling) -> int:
        """How many pictures `draw` would have to make."""
        return len(self.images.missing(self.keys(bundle, prompts, sampling)))

    def draw(
        self, bundle: ModelBundle, prompts: Sequence[Prompt], sampling: Sampling, name: str = "drawing"
    ) -> list[ImageKey]:
        """The key of each prompt's picture, all of them in the store afterwards.

        Every picture is stored as soon as its pass is done, so an interrupted call goes on where it stopped.

        Raises:
            ModelError: the model cannot be loaded, is not what its digest names, or memory does not suffice.
            StoreError: the cache cannot be written.
        """
        keys, wanted = self._planned(bundle, prompts, sampling)
        missing = self.images.missing(keys)
        self.tally.reused += len(keys) - len(missing)
        if missing:
            bundle.verify()
            began = time.perf_counter()
            with stage(name, len(missing)) as advance:
                for start in range(0, len(missing), self.batch_size):
                    part = missing[start : start + self.batch_size]
                    self._make(bundle, part, [wanted[key] for key in part], sampling, advance)
            seconds = time.perf_counter() - began
            self.tally.seconds += seconds
            if self.pace is not None and len(missing) >= TELLING:
                self.pace.note(_work(bundle, sampling), seconds / len(missing))
        return keys

    def seconds_for(self, bundle: ModelBundle, sampling: Sampling, count: int) -> float | None:
        """How long drawing `count` pictures will take, by the last time; None if there was none."""
        each = self.pace.seconds(_work(bundle, sampling)) if self.pace is not None else None
        return None if each is None else each * count

    def _planned(
        self, bundle: ModelBundle, prompts: Sequence[Prompt], sampling: Sampling
    ) -> tuple[list[ImageKey], dict[ImageKey, ImageSpec]]:
        rewriter = Rewriter(bundle.rewrites)
        drawn = [ImageSpec.of(prompt, sampling, rewriter) for prompt in prompts]
        common = digest(
            {
                "model": bundle.digest,
                "negative": bundle.negative_prompt,
                "sampling": sampling,
                "pipeline": bundle.family.pipeline,
                "environment": environment(bundle),
            }
        )
        keys = [digest({"with": common, "text": each.text, "noise": each.noise}) for each in drawn]
        return keys, dict(zip(keys, drawn, strict=True))

    def _make(
        self, bundle: ModelBundle, keys: list[ImageKey], drawn: list[ImageSpec], sampling: Sampling, advance: Advance
    ) -> None:
        """Draw and store, pass by pass."""
        texts = [each.text for each in drawn]
        waiting = iter(zip(keys, drawn, strict=True))
        try:
            noise = initial_latents(bundle, [each.noise for each in drawn], sampling)
            reader = TextReader(bundle, self.texts, environment(bundle))
            for made in passes(bundle, texts, noise, sampling, bundle.negative_prompt, reader=reader):
                for picture, (key, each) in zip(made, waiting, strict=False):
                    self.images.save(key, picture, {"text": each.text, "seed": str(each.noise.seed)})
                self.tally.drawn += len(made)
                advance(len(made))
        except (RuntimeError, ValueError) as error:
            if isinstance(error, IcebError):
                raise
            if out_of_memory(error):
                raise ModelError(f"out of memory while drawing: {SMALLER}") from error
            what = f"{type(error).__name__}: {error}"
            raise ModelError(f"the model failed while drawing {texts[0]!r} and others ({what})") from error


def _work(bundle: ModelBundle, sampling: Sampling) -> dict[str, Any]:
    """What decides how long a picture takes."""
    told = {**environment(bundle), "threads": torch.get_num_threads(), "dtype": bundle.ref.dtype}
    told["images_per_pass"] = bundle.images_per_pass.size
    return {"model": bundle.ref.repo, "sampling": dataclasses.asdict(sampling), **told}
