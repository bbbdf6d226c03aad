"""Draw the images that the store lacks; an image's bytes do not depend on what is drawn beside it."""

import dataclasses
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from iceb.base.digest import digest
from iceb.base.errors import IcebError, ModelError
from iceb.base.out_of_memory import REMEDY, out_of_memory
from iceb.base.progress import Advance, stage
from iceb.base.rewriting import Rewriter
from iceb.models.bundle import ModelBundle
from iceb.models.drawing import Pixels, States, group_drawer, initial_latents, without_repeats
from iceb.models.environment import environment, modes
from iceb.models.threads import run_and_finish
from iceb.specs.prompts import ImageKey, NoiseDraw, Prompt
from iceb.specs.runs import Sampling
from iceb.stores.images import ImageStore
from iceb.stores.pace import Pace

FEWEST_TIMED = 32  # images; the time of fewer is mostly that of starting


@dataclass(frozen=True)
class ImageSpec:
    """One image to draw: everything but the model and the sampling."""

    text: str  # after rewrites
    noise: NoiseDraw

    @classmethod
    def of(cls, prompt: Prompt, sampling: Sampling, rewriter: Rewriter) -> "ImageSpec":
        """The image to draw for `prompt`."""
        published = prompt.noise if sampling.noise == "upstream" else None
        return cls(rewriter(prompt.text), published or NoiseDraw(prompt.seed))


Drawn: TypeAlias = Sequence[tuple[ImageKey, ImageSpec, Pixels]]


@dataclass
class Tally:
    """Counts and seconds of what a generator has drawn."""

    drawn: int = 0
    reused: int = 0
    from_earlier_runs: int = 0  # images among the reused that were drawn before this process
    seconds: float = 0.0


class Generator:
    """A drawer of prompts' images into a store, which returns their keys.

    Args:
        images: the store.
        pace: where to note how long an image took.
    """

    def __init__(self, images: ImageStore, pace: Pace | None = None) -> None:
        self.images = images
        self.pace = pace
        self.tally = Tally()
        self._own: set[ImageKey] = set()

    def keys(self, bundle: ModelBundle, prompts: Sequence[Prompt], sampling: Sampling) -> list[ImageKey]:
        """The key of each prompt's image; nothing is drawn and no weight is loaded."""
        return list(self._keys_and_specs(bundle, prompts, sampling)[0])

    def missing(self, bundle: ModelBundle, prompts: Sequence[Prompt], sampling: Sampling) -> int:
        """The number of images that `draw` would have to make."""
        return len(self.images.missing(self.keys(bundle, prompts, sampling)))

    def draw(
        self, bundle: ModelBundle, prompts: Sequence[Prompt], sampling: Sampling, name: str = "drawing"
    ) -> list[ImageKey]:
        """The key of each prompt's image, all of them in the store afterwards.

        Every image is stored as soon as its pass is done, on a GPU while the next ones run, so an interrupted call goes
        on where it stopped. Processes that draw the same images share the work: each has an order of its own and looks
        what is still missing.

        Raises:
            ModelError: the model cannot be loaded, is not what its digest names, or memory does not suffice.
            StoreError: the cache cannot be written.
        """
        keys, wanted = self._keys_and_specs(bundle, prompts, sampling)
        missing = self.images.missing(keys)
        self.tally.from_earlier_runs += len(set(keys) - set(missing) - self._own)
        self._own.update(missing)
        before = self.tally.drawn
        if missing:
            bundle.verify()
            began = time.perf_counter()
            with stage(name, len(missing)) as advance:
                self._make(bundle, missing, wanted, sampling, advance)
            seconds, drawn = time.perf_counter() - began, self.tally.drawn - before
            self.tally.seconds += seconds
            if self.pace is not None and drawn >= FEWEST_TIMED:
                self.pace.note(_pace_key(bundle, sampling), seconds / drawn)
        self.tally.reused += len(keys) - (self.tally.drawn - before)
        return keys

    def seconds_for(self, bundle: ModelBundle, sampling: Sampling, count: int) -> float | None:
        """Estimated seconds to draw `count` images, by the last time; None if there was none."""
        each = self.pace.seconds(_pace_key(bundle, sampling)) if self.pace is not None else None
        return None if each is None else each * count

    def _keys_and_specs(
        self, bundle: ModelBundle, prompts: Sequence[Prompt], sampling: Sampling
    ) -> tuple[list[ImageKey], dict[ImageKey, ImageSpec]]:
        rewriter = Rewriter(bundle.rewrites)
        specs = [ImageSpec.of(prompt, sampling, rewriter) for prompt in prompts]
        common = digest(
            {
                "model": bundle.digest,
                "negative": bundle.negative_prompt,
                "sampling": sampling,
                "pipeline": bundle.family.pipeline,
                "environment": environment(bundle),
            }
        )
        keys = [digest({"with": common, "text": each.text, "noise": each.noise}) for each in specs]
        return keys, dict(zip(keys, specs, strict=True))

    def _make(
        self,
        bundle: ModelBundle,
        missing: Sequence[ImageKey],
        wanted: Mapping[ImageKey, ImageSpec],
        sampling: Sampling,
        advance: Advance,
    ) -> None:
        """Draw and store, pass by pass, what no other process has stored when its pass begins."""
        try:
            groups = shuffled_groups(missing, bundle.images_per_pass.size)
            kept = bundle.kept_texts(modes(bundle.device.type))  # `draw` has verified the model
            draw, states = group_drawer(bundle, sampling, bundle.negative_prompt, kept), States()

            def work(keys: Sequence[ImageKey]) -> Drawn:
                left = self.images.missing(keys)
                specs = [wanted[key] for key in left]
                if not left:
                    return []
                noise = initial_latents(bundle, [spec.noise for spec in specs], sampling, states)
                return list(zip(left, specs, draw(([spec.text for spec in specs], noise)), strict=True))

            with without_repeats(bundle.pipeline.unet):
                done = run_and_finish(bundle.device, work, self._save, groups)
                for keys, drawn in zip(groups, done, strict=True):
                    self.tally.drawn += drawn
                    advance(len(keys))
        except (RuntimeError, ValueError) as error:
            if isinstance(error, IcebError):
                raise
            if out_of_memory(error):
                raise ModelError(f"out of memory while drawing: {REMEDY}") from error
            what = f"{type(error).__name__}: {error}"
            text = wanted[missing[0]].text
            raise ModelError(f"the model failed while drawing {text!r} and others ({what})") from error

    def _save(self, drawn: Drawn) -> int:
        """Store images and return their number."""
        for key, spec, image in drawn:
            self.images.save(key, image, {"text": spec.text, "seed": str(spec.noise.seed)})
        return len(drawn)


def shuffled_groups(keys: Sequence[ImageKey], size: int) -> list[Sequence[ImageKey]]:
    """Keys in groups of `size` neighbours, which share texts, in an order that is every call's own.

    Two processes in one order would draw each image twice; in orders of their own, few but the last ones.
    """
    groups = [keys[start : start + size] for start in range(0, len(keys), size)]
    random.Random().shuffle(groups)  # seeded by the operating system; no image depends on it
    return groups


def _pace_key(bundle: ModelBundle, sampling: Sampling) -> dict[str, Any]:
    """Everything that decides how long an image takes."""
    about = {**environment(bundle), "threads": torch.get_num_threads(), "dtype": bundle.ref.dtype}
    about["images_per_pass"] = None if bundle.fits_the_card else bundle.images_per_pass.size
    return {"model": bundle.ref.repo, "sampling": dataclasses.asdict(sampling), **about}
