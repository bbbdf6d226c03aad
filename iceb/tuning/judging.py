"""Judge an edit on validation prompts: images before are drawn once and kept in the cache."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from iceb.base.rewriting import Rewriter
from iceb.models.bundle import ModelBundle
from iceb.models.drawing import seeded_images
from iceb.models.environment import modes
from iceb.models.generator import Generator
from iceb.registry import load
from iceb.running.edit_maker import make_edit
from iceb.running.method_runner import ChosenMethod
from iceb.specs.methods import Edit
from iceb.specs.metrics import MeasureInput
from iceb.specs.prompts import Prompt
from iceb.stores.images import ImageStore
from iceb.tuning.validation import Question, Validation


@dataclass(frozen=True)
class Changes:
    """Changes of the classifier's probabilities; a fall counts as gain in source_forget alone.

    Attributes:
        source2dest, source_forget, holdout_delta: means over the prompts.
        reached, forgotten: means over each request's prompts, (requests,).
        kept: of each holdout class, (classes,).
    """

    source2dest: float
    source_forget: float
    holdout_delta: float
    reached: tuple[float, ...] = ()
    forgotten: tuple[float, ...] = ()
    kept: tuple[float, ...] = ()

    def score(self, *, reaches_dest: bool) -> float:
        """Half the sum of what is edited, or of an eraser forgotten, and what is kept."""
        return ((self.source2dest if reaches_dest else self.source_forget) + self.holdout_delta) / 2

    def edited_changes(self, *, reaches_dest: bool) -> tuple[float, ...]:
        """Each request's change that counts in the score, (requests,)."""
        return self.reached if reaches_dest else self.forgotten


class Judge:
    """The embedded classifier, with the unedited model's probabilities at hand."""

    def __init__(self, bundle: ModelBundle, cache: Path) -> None:
        self.bundle, self.cache = bundle, cache
        self.measure = load("measures", bundle.family.measures["imagenet_classifier"])()
        self._before: dict[Question, Any] = {}

    def changes(self, edit: Edit, tried: Validation) -> Changes:
        """Draw the validation prompts with an edit and compare them with the unedited model's."""
        questions = [*tried.asked, *tried.kept]
        before = self.before(questions)
        with self.bundle.applied(edit) as model:
            rewriter = Rewriter(model.rewrites)
            texts, seeds = [rewriter(each.text) for each in questions], [each.seed for each in questions]
            model.verify()  # so that what is known of texts holds for it
            kept = model.kept_texts(modes(model.device.type))
            images = seeded_images(model, texts, seeds, model.family.sampling, model.negative_prompt, kept)
        difference = self._rows(list(images)) - before
        asked = np.arange(len(tried.asked))
        reached, forgotten = difference[asked, tried.dests], -difference[asked, tried.sources]
        kept = difference[np.arange(len(tried.asked), len(questions)), tried.labels]
        return Changes(
            source2dest=float(reached.mean()),
            source_forget=float(forgotten.mean()),
            holdout_delta=float(kept.mean()),
            reached=_each(reached, len(tried.requests)),
            forgotten=_each(forgotten, len(tried.requests)),
            kept=_each(kept, len(tried.labels)),
        )

    def before(self, questions: Sequence[Question]) -> Any:
        """The unedited model's probabilities of the questions' images, (N, 1000)."""
        missing = list(dict.fromkeys(each for each in questions if each not in self._before))
        if missing:
            prompts = [Prompt(text=each.text, seed=each.seed, role="validation") for each in missing]
            store = ImageStore(self.cache)
            keys = Generator(store).draw(self.bundle, prompts, self.bundle.family.sampling, "drawing before")
            rows = self._rows([store.load(key) for key in keys])
            self._before |= dict(zip(missing, rows, strict=True))
        return np.stack([self._before[each] for each in questions])

    def before_means(self, tried: Validation) -> tuple[float, float]:
        """The mean scores of the sources and of the holdout before an edit."""
        rows = self.before([*tried.asked, *tried.kept])
        own = rows[range(len(rows)), [*tried.sources, *tried.labels]]
        return float(own[: len(tried.asked)].mean()), float(own[len(tried.asked) :].mean())

    def _rows(self, images: Sequence[Any]) -> Any:
        return np.asarray(self.measure([MeasureInput(image) for image in images]), dtype=np.float64)


def _each(changes: Any, count: int) -> tuple[float, ...]:
    """The mean of each of `count` equal parts, (prompts,) → (count,)."""
    return tuple(changes.reshape(count, -1).mean(axis=1).tolist())


def tried_edit(chosen: ChosenMethod, bundle: ModelBundle, tried: Validation, cache: Path) -> tuple[Edit, float]:
    """Make a method's edit of the validation requests, and return it with its seconds.

    What the method keeps in its scratch is keyed as a run's, so that trials share it.

    Raises:
        IcebError: the method failed, or what it returned does not fit the model.
    """
    scratch = chosen.scratch(bundle, cache)
    context = chosen.context(bundle, scratch)
    began = time.perf_counter()
    made = make_edit(chosen.method, chosen.params, bundle, tried.requests, context, scratch.withdraw)
    return made.edit, time.perf_counter() - began
