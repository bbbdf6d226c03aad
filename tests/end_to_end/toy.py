"""A whole run in seconds: two cheap methods, a dataset of four classes and a measure, on a tiny model.

Also a program: `python toy.py MODEL CACHE OUT TIMES` runs it that often, each time in a process of its own that it
names on its output, so that a test can kill it. With `at-once` behind, all of them run at the same time, each with a
folder of its own below OUT.
"""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from iceb.datasets.cards import load_card
from iceb.metrics.change import EDIT_SCORE, HOLDOUT_DELTA, SOURCE2DEST
from iceb.models.bundle import ModelBundle
from iceb.models.generator import Generator
from iceb.models.sources import find
from iceb.registry import Registered
from iceb.running.measuring import Measuring
from iceb.running.method_runner import ChosenMethod
from iceb.running.plan import reference_images
from iceb.running.planned import Plan
from iceb.running.prompt_selection import Selection
from iceb.running.run_folder import run
from iceb.running.run_parts import Parts
from iceb.running.scoring import RegisteredMetric, Scorer
from iceb.specs.data_digests import DataDigests
from iceb.specs.methods import Edit, MethodCard
from iceb.specs.metrics import MeasureInput
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.runs import RunSpec, Sampling
from iceb.specs.schedules import Schedule, edit_batches, one_by_one, single_batch
from iceb.specs.tasks import Task
from iceb.stores.edits import EditStore
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore

SAMPLING = Sampling("ddim", 2, 4.0, 32, 32)
NAMES = ("cat", "dog", "boat", "house")
PROMPTS = 12  # of each concept
HOLD = os.environ.get("TOY_HOLD", "")  # while this file exists, nothing is measured
ROLES = ("source", "holdout")
TASK = Task("toy", 1, "toy", "", "aice", "replace", ("edit_score",), "edit_score", (1, 2), ROLES)


@dataclass(frozen=True)
class Shake:
    """Adds noise drawn from each request's seed to one matrix: an edit without meaning that changes every image."""

    size: float = 1.0
    touched: str = "text_encoder.*layers.1.mlp.fc2.weight"
    card: ClassVar[MethodCard] = MethodCard("shake", 1, "", ("replace",), ("text_encoder.*mlp.fc2.weight",))

    def edit(self, bundle: Any, requests: Sequence[EditRequest], *, context: Any) -> Edit:
        ((name, weight),) = bundle.parameters_named(self.touched).items()
        edited = weight.clone()
        for request in requests:
            edited += self.size * self._noise(weight.shape, request.seed, context.scratch)
        return Edit({name: edited}, log={"size": self.size})

    def _noise(self, shape: Any, seed: int, scratch: Any) -> torch.Tensor:
        def draw_noise() -> Any:
            return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).numpy()

        return torch.from_numpy(scratch.array({"what": "noise", "seed": seed}, draw_noise))


@dataclass(frozen=True)
class Swap:
    """Writes the destination into the prompt."""

    card: ClassVar[MethodCard] = MethodCard("swap", 1, "", ("replace",), ())

    def edit(self, bundle: Any, requests: Sequence[EditRequest], *, context: Any) -> Edit:
        return Edit(rewrites={request.source: request.dest for request in requests})


class Toy:
    """Four classes: each turns into the next one; the last two are also held out."""

    card = load_card("aice")

    def schedule(self, num_edits: int) -> Schedule:
        requests = [
            EditRequest(f"toy/{i}", name, (NAMES[i + 1],), ("{}",), seed=i, source_label=i, dest_label=i + 1)
            for i, name in enumerate(NAMES[:2])
        ]
        return single_batch(EditBatch("toy", tuple(requests[:num_edits])))

    def prompts(self, batch: EditBatch) -> list[Prompt]:
        return [
            Prompt(f"a photo of a {r.source}", 10 * i + r.seed, "source", r.id, r.source_label, r.dest_label)
            for r in batch.requests
            for i in range(PROMPTS)
        ]

    def shared_prompts(self, num_edits: int) -> list[Prompt]:
        return [Prompt(f"a {NAMES[k]} at sea", i, "holdout", None, k) for k in (2, 3) for i in range(PROMPTS)]


class OneByOne(Toy):
    """The toy's requests, each edited alone."""

    def schedule(self, num_edits: int) -> Schedule:
        (batch,) = edit_batches(super().schedule(num_edits))
        return one_by_one(EditBatch(each.id, (each,)) for each in batch.requests)


@dataclass
class Corners:
    """Four "classes" from the mean brightness of an image's corners; counts the images it looked at."""

    id: ClassVar[str] = "corners@1"
    revision: ClassVar[str] = "1"
    inputs: ClassVar[str] = "image"
    seen: list[int] = field(default_factory=list)

    def __call__(self, inputs: Sequence[MeasureInput]) -> Any:
        self.seen.append(len(inputs))
        while HOLD and Path(HOLD).exists():  # a test that kills this process lets no run end before it is done
            time.sleep(0.02)
        halves = [(slice(0, 16), slice(16, 32))[i] for i in range(2)]
        corners = [[each.image[a, b].mean() for a in halves for b in halves] for each in inputs]
        logits = torch.tensor(np.array(corners), dtype=torch.float32) / 8
        return logits.softmax(-1).numpy()


def make_plan(
    model: Path,
    cache: Path,
    method: Any = None,
    num_edits: int = 2,
    limit: int | None = None,
    *,
    dataset: Any = None,
    task: Task = TASK,
    metrics: Sequence[Any] = (EDIT_SCORE, SOURCE2DEST, HOLDOUT_DELTA),
    measures: Mapping[str, Any] | None = None,
    images_per_pass: int | None = None,
    sampling: Sampling = SAMPLING,
) -> Plan:
    """The toy run on the model in a folder; a test may bring its own dataset, task, metrics and measures."""
    bundle = ModelBundle(find(str(model)), "cpu", images_per_pass)
    chosen = ChosenMethod(Registered("methods", "shake", "tests", "0", "toy:Shake"), method or Shake(), "")
    images, dataset = ImageStore(cache), dataset or Toy()
    references = reference_images(dataset)
    parts = Parts(
        task=task,
        dataset=dataset,
        method=chosen,
        bundle=bundle,
        generator=Generator(images),
        scorer=Scorer(
            [RegisteredMetric(metric, "iceb") for metric in metrics],
            measures or {"imagenet_classifier": Corners()},
            Measuring(images, MeasuredStore(cache), elsewhere=references.paths),
            references.keys,
            chosen.card.reaches_dest,
        ),
        edits=EditStore(cache),
        cache=cache,
        command=("iceb", "evaluate"),
    )
    schedule, selection = dataset.schedule(num_edits), Selection(metrics, limit)
    digests = DataDigests.of(dataset, schedule, num_edits)
    spec = RunSpec(
        task=task.name,
        task_version=task.version,
        dataset="aice",
        dataset_version=1,
        requests_sha256=digests.requests,
        prompts_sha256=digests.prompts,
        method=chosen.card.name,
        method_version=chosen.card.version,
        package="tests",
        code=chosen.code,
        params=chosen.params,
        num_edits=num_edits,
        model=bundle.ref,
        sampling=sampling,
        limit=limit,
    )
    return Plan(spec, parts, schedule, selection, selection.checkpoints(task, dataset, schedule, num_edits))


def main(model: Path, cache: Path, out: Path, times: int) -> None:
    """The libraries are imported once; each run is forked off before any of them has computed anything."""
    from diffusers import StableDiffusionPipeline  # noqa: F401 — this is what takes the time

    for _ in range(times):
        sys.stdout.flush()
        process = os.fork()
        if process == 0:
            run(make_plan(model, cache), out)
            os._exit(0)
        print(process, flush=True)
        os.waitpid(process, 0)


def main_at_once(model: Path, cache: Path, out: Path, times: int) -> None:
    """The same, all runs at the same time, in passes of one image, for there are few."""
    from diffusers import StableDiffusionPipeline  # noqa: F401 — as above

    processes = []
    for number in range(times):
        process = os.fork()
        if process == 0:
            run(make_plan(model, cache, images_per_pass=1), out / str(number))
            os._exit(0)
        processes.append(process)
    for process in processes:
        os.waitpid(process, 0)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    import toy  # its classes then have the names, and so the code digest, that they have in a test

    chosen = toy.main_at_once if sys.argv[5:] == ["at-once"] else toy.main
    chosen(*map(Path, sys.argv[1:4]), int(sys.argv[4]))
