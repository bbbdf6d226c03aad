"""Six shapes of benchmarks on the core, each small and real: drawn, measured, reduced and written by the same run."""

import gc
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import toy
from PIL import Image

from iceb.base.errors import DataError
from iceb.datasets.cards import load_card
from iceb.leaderboard.recompute import problems
from iceb.metrics.sets import SetDistance, frechet_distance
from iceb.registry import load as registry_load
from iceb.running.run_folder import run
from iceb.runs.ledger import read_ledger
from iceb.runs.table import TABLE, read_table
from iceb.specs.datasets import ReferenceImages
from iceb.specs.methods import Edit, MethodCard
from iceb.specs.metrics import MeasureInput, Measurements, Need
from iceb.specs.prompts import NoiseDraw, Prompt
from iceb.specs.reduction import RESAMPLE, VALUE, ConceptValue, Part, Reduction
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Add, Checkpoint, Remove, Schedule, one_by_one, single_batch
from iceb.specs.tasks import Task
from tests.conftest import HIDDEN, VOCABULARY


class Data:
    """A dataset of a test: it gives what it was made of."""

    card = load_card("aice")

    def __init__(self, schedule: Schedule, prompts: Any, shared: Sequence[Prompt] = ()) -> None:
        self._schedule, self._prompts, self._shared = schedule, prompts, shared

    def schedule(self, num_edits: int) -> Schedule:
        return self._schedule

    def prompts(self, batch: EditBatch) -> Sequence[Prompt]:
        return self._prompts(batch)

    def shared_prompts(self, num_edits: int) -> Sequence[Prompt]:
        return self._shared


def make_task(name: str, metric: str, *roles: str, kind: Any = "replace") -> Task:
    return Task(name, 1, name, "", "aice", kind, (metric,), metric, (1,), roles)


def request(name: str, seed: int = 0, dests: tuple[str, ...] = ("dog",)) -> EditRequest:
    return EditRequest(f"request/{name}/{seed}", name, dests, ("{}",), seed=seed)


def looks(image: Any) -> np.ndarray[Any, Any]:
    """(3,) the mean of each colour in [0, 1]."""
    return image.reshape(-1, 3).mean(axis=0) / 255


def direction(text: str) -> np.ndarray[Any, Any]:
    """(3,) a direction among colours that stands for a text."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    return np.random.default_rng(seed).standard_normal(3)


class TextMatch:
    """An image's agreement with each of its prompt's choices, or with its text: it reads image and text."""

    id: ClassVar[str] = "text_match@1"
    revision: ClassVar[str] = "1"
    inputs: ClassVar[str] = "image+text"

    def __call__(self, inputs: Sequence[MeasureInput]) -> Any:
        texts = [each.prompt.choices or (each.prompt.text,) for each in inputs]
        return np.array([[looks(i.image) @ direction(t) for t in ts] for i, ts in zip(inputs, texts, strict=True)])


class PixelChange:
    """Mean absolute difference of an image from the one before: it reads pairs."""

    id: ClassVar[str] = "pixel_change@1"
    revision: ClassVar[str] = "1"
    inputs: ClassVar[str] = "pair"

    def __call__(self, inputs: Sequence[MeasureInput]) -> Any:
        return np.array([[np.abs(i.image.astype(float) - i.before.astype(float)).mean() / 255] for i in inputs])


class Looks:
    """Mean colours of an image."""

    id: ClassVar[str] = "looks@1"
    revision: ClassVar[str] = "1"
    inputs: ClassVar[str] = "image"

    def __call__(self, inputs: Sequence[MeasureInput]) -> Any:
        return np.array([looks(each.image) for each in inputs])


def by_concept(prompts: Sequence[Prompt]) -> dict[tuple[str, int], list[int]]:
    rows: dict[tuple[str, int], list[int]] = {}
    for row, prompt in enumerate(prompts):
        rows.setdefault((prompt.cluster, prompt.replicate), []).append(row)
    return rows


@dataclass(frozen=True)
class AnswerShare:
    """Share of images whose best choice is the prompt's answer."""

    name: str = "answer_share"
    version: int = 1
    unit: str = "share"
    paper: str = ""
    higher_is_better: bool = True
    needs: tuple[Need, ...] = (Need("text", "probe"),)
    reduction: ClassVar[Reduction] = Reduction({"probe": Part()})

    def __call__(self, measured: Measurements) -> Sequence[ConceptValue]:
        sides = measured["probe"]
        answers = [prompt.answer for prompt in sides["after"].prompts]
        right = {side: sides[side].values.argmax(axis=1) == answers for side in ("before", "after")}
        return [
            ConceptValue(
                concept, "probe", float(right["before"][rows].mean()), float(right["after"][rows].mean()), len(rows), r
            )
            for (concept, r), rows in by_concept(sides["after"].prompts).items()
        ]


ROWS = 26
ONE_STEP = replace(toy.SAMPLING, steps=1, guidance=1.0)
CALLS = (1, 3, 2, 3, 2)  # batches of a row's images on one seed, as RoAD and TIMED draw them


def single(row: int, replicate: int) -> EditBatch:
    asked = request(f"thing {row}", 1000 * replicate + row)
    return EditBatch(f"row {row}/{replicate}", (asked,), replicate, concept=f"row {row}")


def probes(batch: EditBatch) -> list[Prompt]:
    (asked,) = batch.requests
    noise = NoiseDraw(batch.replicate, CALLS[:2], 1)
    choices = (f"an old {asked.source}", f"a new {asked.source}")
    return [
        Prompt(
            f"a {asked.source}", asked.seed, "probe", asked.id, choices=choices, answer=1,
            replicate=batch.replicate, noise=noise,
        )
    ]  # fmt: skip


def test_single_edits_in_two_replicates_are_judged_by_text_choices(tiny_sd_folder, tmp_path):
    """TIMED's shape with a quarter of its 104 rows."""
    rows = [single(row, replicate) for replicate in range(2) for row in range(ROWS)]
    plan = toy.make_plan(
        tiny_sd_folder,
        tmp_path / "cache",
        dataset=Data(one_by_one(rows), probes),
        task=make_task("singles", "answer_share", "probe"),
        metrics=[AnswerShare()],
        measures={"text": TextMatch()},
        sampling=ONE_STEP,
        images_per_pass=1,  # each edit is judged by one image, and a pass is filled up
    )
    result, path = run(plan, tmp_path / "out")
    score = result.score("answer_share")
    assert (score.n, score.concepts) == (2 * ROWS, ROWS)
    assert score.low is not None
    assert score.low <= score.value <= score.high
    assert len(set(result.model.edited_digest)) == 2 * ROWS
    table = read_table(path.parent / TABLE, result.per_concept)
    assert {row.value.replicate for row in table} == {0, 1}
    assert {row.value.concept for row in table} == {f"row {row}" for row in range(ROWS)}
    assert result.cost.images_drawn == 2 * 2 * ROWS  # another seed in each replicate


@dataclass(frozen=True)
class Retrain:
    """Changes every weight of the text encoder: the largest edit there is of it."""

    card: ClassVar[MethodCard] = MethodCard("retrain", 1, "", ("replace",), ("text_encoder.*",))

    def edit(self, bundle: Any, requests: Sequence[EditRequest], *, context: Any) -> Edit:
        generator = torch.Generator().manual_seed(requests[0].seed)
        found = bundle.parameters_named("text_encoder.*").items()
        return Edit({name: w + 0.01 * torch.randn(w.shape, generator=generator) for name, w in found})


def living_bytes(shapes: set[tuple[int, ...]]) -> int:
    """Bytes of living tensors of these shapes, those that share memory counted once."""
    gc.collect()
    storages = {
        each.untyped_storage().data_ptr(): each.untyped_storage().nbytes()
        for each in gc.get_objects()
        if isinstance(each, torch.Tensor) and tuple(each.shape) in shapes
    }
    return sum(storages.values())


def test_many_single_edits_hold_no_more_memory_than_one(tiny_sd_folder, tmp_path, monkeypatch):
    """Counted while each edit is judged: tensors of the token table's shape, by far the largest of the encoder."""
    seen: list[int] = []

    def count_and_draw(self: Any, *arguments: Any, **named: Any) -> Any:
        seen.append(living_bytes({(VOCABULARY, HIDDEN)}))
        return draw(self, *arguments, **named)

    draw = toy.Generator.draw
    monkeypatch.setattr(toy.Generator, "draw", count_and_draw)
    for name, count in (("one", 1), ("many", 4)):
        plan = toy.make_plan(
            tiny_sd_folder,
            tmp_path / name,
            Retrain(),
            dataset=Data(one_by_one([single(row, 0) for row in range(count)]), probes),
            task=make_task("singles", "answer_share", "probe"),
            metrics=[AnswerShare()],
            measures={"text": TextMatch()},
        )
        run(plan, tmp_path / f"{name}-runs")
        most = max(seen)
        if name == "one":
            alone = most
            seen.clear()
    assert most <= alone


@dataclass(frozen=True)
class MatchPerChange:
    """How much the agreement with the prompt's text falls, and how much the pixels move: two measures, two needs."""

    name: str = "kept"
    version: int = 1
    unit: str = "agreement"
    paper: str = ""
    higher_is_better: bool = False
    needs: tuple[Need, ...] = (
        Need("pixels", "kept", ("after",), name="pixels"),
        Need("text", "kept", name="text"),
    )
    reduction: ClassVar[Reduction] = Reduction({"text": Part(1.0, "fall"), "pixels": Part(0.5, "after")}, "concepts")

    def __call__(self, measured: Measurements) -> Sequence[ConceptValue]:
        text, pixels = measured["text"], measured["pixels"]["after"]
        values = []
        for (concept, replicate), rows in by_concept(pixels.prompts).items():
            before, after = (float(text[side].values[rows].mean()) for side in ("before", "after"))
            values.append(ConceptValue(concept, "text", before, after, len(rows), replicate))
            moved = float(pixels.values[rows].mean())
            values.append(ConceptValue(concept, "pixels", None, moved, len(rows), replicate))
        return values


def kept_prompts(batch: EditBatch) -> list[Prompt]:
    return [Prompt(f"a {name} of {i}", i, "kept", concept=name) for name in ("boat", "house", "tree") for i in range(3)]


def test_images_are_compared_pairwise_and_with_their_text(tiny_sd_folder, tmp_path):
    plan = toy.make_plan(
        tiny_sd_folder,
        tmp_path / "cache",
        dataset=Data(single_batch(EditBatch("one", (request("cat", 1),))), kept_prompts),
        task=make_task("kept", "kept", "kept"),
        metrics=[MatchPerChange()],
        measures={"text": TextMatch(), "pixels": PixelChange()},
    )
    result, path = run(plan, tmp_path / "out")
    score = result.score("kept")
    assert set(score.measures) == {"text", "pixels"}
    table = [row.value for row in read_table(path.parent / TABLE, result.per_concept)]
    fall = np.mean([value.before - value.after for value in table if value.part == "text"])
    moved = np.mean([value.after for value in table if value.part == "pixels"])
    assert score.value == pytest.approx(fall + moved / 2, abs=1e-12)
    assert moved > 0


def test_the_same_images_under_other_texts_are_measured_anew(tiny_sd_folder, tmp_path):
    """A prompt-time method draws the destination's images; their agreement is with the prompt's own text."""

    def texts(batch: EditBatch) -> list[Prompt]:
        return [Prompt(f"a photo of a {name}", 3, "kept", concept=name) for name in ("cat", "dog")]

    plan = toy.make_plan(
        tiny_sd_folder,
        tmp_path / "cache",
        toy.Swap(),
        dataset=Data(single_batch(EditBatch("one", (request("cat"),))), texts),
        task=make_task("kept", "kept", "kept"),
        metrics=[MatchPerChange()],
        measures={"text": TextMatch(), "pixels": PixelChange()},
    )
    result, path = run(plan, tmp_path / "out")
    table = [row.value for row in read_table(path.parent / TABLE, result.per_concept) if row.value.part == "text"]
    cat, dog = table
    rows = read_ledger(path.parent, result.images)
    assert rows[0].after == rows[1].after == rows[1].before
    assert cat.after != dog.after
    assert dog.before == dog.after


@dataclass(frozen=True)
class Balancer:
    """Draws and judges inside its edit: searches the size of a change for which half of the images are bright."""

    judge: str = "brightness"
    images: int = 4
    card: ClassVar[MethodCard] = MethodCard(
        "balancer", 1, "", ("balance",), ("text_encoder.*mlp.fc2.weight",), judges=("judge",)
    )

    def edit(self, bundle: Any, requests: Sequence[EditRequest], *, context: Any) -> Edit:
        ((name, weight),) = bundle.parameters_named("text_encoder.*layers.1.mlp.fc2.weight").items()
        judge, found = context.judge(self.judge), {}
        noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
        for size in (0.0, 0.5, 1.0):
            edit = Edit({name: weight + size * noise})
            with bundle.applied(edit) as edited:
                drawn = context.draw(edited, [requests[0].source] * self.images, range(self.images), toy.SAMPLING)
            share = float((judge([MeasureInput(image) for image in drawn])[:, 0] > 0.5).mean())
            found[abs(share - 0.5)] = (edit, share)
        edit, share = found[min(found)]
        return Edit(edit.weights, log={"share": share})


class Brightness:
    """Mean brightness of an image."""

    id: ClassVar[str] = "brightness@1"
    revision: ClassVar[str] = "1"
    inputs: ClassVar[str] = "image"

    def __init__(self, device: str = "cpu") -> None:
        self.device = device

    def __call__(self, inputs: Sequence[MeasureInput]) -> Any:
        return np.array([[each.image.mean() / 255] for each in inputs])


@dataclass(frozen=True)
class Imbalance:
    """|share of bright images − ½| / ½ of each profession: a ratio over many images, not a mean of their changes."""

    name: str = "imbalance"
    version: int = 1
    unit: str = "share"
    paper: str = ""
    higher_is_better: bool = False
    needs: tuple[Need, ...] = (Need("brightness", "portrait"),)
    reduction: ClassVar[Reduction] = Reduction({"portrait": Part()}, "concepts")

    def __call__(self, measured: Measurements) -> Sequence[ConceptValue]:
        sides = measured["portrait"]

        def ratio(side: str, rows: list[int]) -> float:
            return abs(float((sides[side].values[rows, 0] > 0.5).mean()) - 0.5) / 0.5

        groups = by_concept(sides["after"].prompts).items()
        return [
            ConceptValue(c, "portrait", ratio("before", rows), ratio("after", rows), len(rows), r)
            for (c, r), rows in groups
        ]


def test_a_ratio_over_many_images_whose_method_draws_and_judges_inside_its_edit(tiny_sd_folder, tmp_path, monkeypatch):
    def portraits(batch: EditBatch) -> list[Prompt]:
        return [
            Prompt(f"a {r.source} at work", seed, "portrait", r.id, concept=r.source)
            for r in batch.requests
            for seed in range(12)
        ]

    def load(group: str, name: str) -> Any:
        return Brightness if (group, name) == ("measures", "brightness") else registry_load(group, name)

    monkeypatch.setattr("iceb.registry.load", load)
    requests = (request("nurse", dests=("man", "woman")), request("pilot", dests=("man", "woman")))
    plan = toy.make_plan(
        tiny_sd_folder,
        tmp_path / "cache",
        Balancer(),
        dataset=Data(single_batch(EditBatch("both", requests)), portraits),
        task=make_task("balance", "imbalance", "portrait", kind="balance"),
        metrics=[Imbalance()],
        measures={"brightness": Brightness()},
    )
    result, path = run(plan, tmp_path / "out")
    score = result.score("imbalance")
    assert (score.n, score.concepts) == (24, 2)
    values = [row.value for row in read_table(path.parent / TABLE, result.per_concept)]
    assert score.value == pytest.approx(np.mean([value.after - value.before for value in values]), abs=1e-12)
    assert all(value.n == 12 for value in values)
    assert "share" in result.log


def test_a_set_metric_against_a_folder_of_reference_images(tiny_sd_folder, tmp_path):
    folder, generator = tmp_path / "photographs", np.random.default_rng(0)
    folder.mkdir()
    for place in range(12):
        Image.fromarray(generator.integers(0, 256, (16, 16, 3), np.uint8)).save(folder / f"{place}.png")

    class Photographs(Data):
        def references(self) -> Sequence[ReferenceImages]:
            return [ReferenceImages("photographs", tuple(sorted(folder.iterdir())))]

    metric = SetDistance("fid", frechet_distance, "looks", "caption", "reference:photographs", splits=10)
    drift = SetDistance("drift", frechet_distance, "looks", "caption", splits=10)
    captions = [Prompt(f"a scene of {i}", i, "caption") for i in range(10)]
    plan = toy.make_plan(
        tiny_sd_folder,
        tmp_path / "cache",
        dataset=Photographs(single_batch(EditBatch("one", (request("cat", 1),))), lambda batch: [], captions),
        task=make_task("scenes", "fid", "caption"),
        metrics=[metric, drift],
        measures={"looks": Looks()},
    )
    result, _ = run(plan, tmp_path / "out")
    fid, moved = result.score("fid"), result.score("drift")
    assert fid.value == pytest.approx(fid.after - fid.before, abs=1e-12)
    assert fid.stderr > 0
    assert fid.low <= fid.high
    assert (fid.n, fid.concepts) == (10, 10)
    assert moved.value >= 0
    assert moved.before is None


def test_a_set_metric_over_several_states_of_the_model_is_taken_at_each(tiny_sd_folder, tmp_path):
    batches = [EditBatch(name, (request(name, seed),)) for seed, name in enumerate(("cat", "boat"))]
    captions = [Prompt(f"a scene of {i}", i, "caption") for i in range(6)]
    plan = toy.make_plan(
        tiny_sd_folder,
        tmp_path / "cache",
        dataset=Data(one_by_one(batches), lambda batch: [], captions),
        task=make_task("scenes", "drift", "caption"),
        metrics=[SetDistance("drift", frechet_distance, "looks", "caption", splits=3)],
        measures={"looks": Looks()},
    )
    result, path = run(plan, tmp_path / "out")
    rows = read_table(path.parent / TABLE, result.per_concept)
    whole = [row.value for row in rows if row.value.part == VALUE]
    score = result.score("drift")
    assert len({value.checkpoint for value in whole}) == len(whole) == 2
    assert score.value == pytest.approx(np.mean([value.after for value in whole]), abs=1e-12)
    assert (score.n, score.concepts, score.low) == (12, 6, None)
    assert score.stderr > 0
    assert {row.value.checkpoint for row in rows if row.value.part == RESAMPLE} == {v.checkpoint for v in whole}
    assert problems(result, rows) == []
    forged = [replace(row, value=replace(row.value, after=row.value.after + 1)) for row in rows]
    assert any("metric drift: value is" in problem for problem in problems(result, forged))


def test_three_sequential_batches_with_checkpoints_and_the_removal_of_one(tiny_sd_folder, tmp_path):
    names = ("cat", "dog", "boat")
    first, second, third = (EditBatch(name, (request(name, seed),)) for seed, name in enumerate(names))

    def prompts(batch: EditBatch) -> list[Prompt]:
        return [Prompt(f"a {batch.id}", seed, "source", concept=batch.id, label=0, target=1) for seed in range(3)]

    steps: Schedule = (
        Add(first), Checkpoint("1", group="1"),
        Add(second), Checkpoint("2", group="2"),
        Add(third), Checkpoint("3", group="3"),
        Remove("dog"), Checkpoint("without", ("cat", "dog", "boat"), group="without"),
        Remove("boat"), Remove("cat"), Checkpoint("none", ("cat",), group="none"),
    )  # fmt: skip
    plan = toy.make_plan(
        tiny_sd_folder,
        tmp_path / "cache",
        dataset=Data(steps, prompts),
        task=make_task("sequence", "source2dest", "source"),
        metrics=[toy.SOURCE2DEST],
    )
    result, path = run(plan, tmp_path / "out")
    assert [each.group for each in result.checkpoints] == ["1", "2", "3", "without"]
    assert [each.edits for each in result.checkpoints] == [1, 2, 3, 2]
    assert [each.scores[0].n for each in result.checkpoints] == [3, 6, 9, 9]
    assert result.score("source2dest").value == 0.0  # everything was taken out again
    assert result.model.edited_digest[-1] == result.model.digest
    groups = {row.group for row in read_table(path.parent / TABLE, result.per_concept)}
    assert groups == {"1", "2", "3", "without", "none"}


def test_removing_an_earlier_batch_undoes_its_changes_and_keeps_later_ones(tiny_sd):
    from iceb.running.edited_model import EditedModel

    def shake(model: Any, seed: int, layer: int) -> Edit:
        name = f"text_encoder.encoder.layers.{layer}.mlp.fc2.weight"
        found = next(known for known in model.parameters_named("text_encoder.*") if known.endswith(name[-30:]))
        weight = model.parameter(found)
        return Edit({found: weight + torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))})

    base = {name: value.clone() for name, value in tiny_sd.parameters_named("text_encoder.*").items()}
    with EditedModel(tiny_sd) as model:
        for batch, seed, layer in (("a", 1, 1), ("b", 2, 1), ("c", 3, 2)):
            model.add(batch, shake(model.current, seed, layer))
        model.remove("a")
        assert model.active == ("b", "c")
        for name, weight in model.current.parameters_named("text_encoder.*").items():
            alone = base[name].clone()
            for seed, layer in ((2, 1), (3, 2)):
                if f"layers.{layer}.mlp.fc2.weight" in name:
                    alone += torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))
            assert torch.allclose(weight, alone, atol=1e-6), name
    assert all(torch.equal(tiny_sd.parameter(name), value) for name, value in base.items())


def test_prompts_are_prepared_from_the_edited_model(tiny_sd_folder, tmp_path):
    class Attacked(Data):
        """Of two candidates the one that the edited text encoder reads as longer: it needs the edited weights."""

        def prepare(self, edited: Any, checkpoint: Checkpoint, prompts: Sequence[Prompt], scratch: Any) -> Any:
            from iceb.models.conditioning import TextReader

            reader = TextReader(edited)
            texts = ["a cat on a mat", "a very small cat"]
            chosen = max(texts, key=lambda text: float(reader([text]).states.norm()))
            assert edited.digest != edited.base_digest
            return [Prompt(chosen, prompt.seed, prompt.role, label=0, target=1) for prompt in prompts]

    def prompts(batch: EditBatch) -> list[Prompt]:
        return [Prompt("a cat", seed, "source", label=0, target=1) for seed in range(4)]

    plan = toy.make_plan(
        tiny_sd_folder,
        tmp_path / "cache",
        dataset=Attacked(single_batch(EditBatch("one", (request("cat", 1),))), prompts),
        task=make_task("attack", "source2dest", "source"),
        metrics=[toy.SOURCE2DEST],
    )
    result, path = run(plan, tmp_path / "out")
    rows = read_ledger(path.parent, result.images)
    assert {row.prompt.text for row in rows} <= {"a cat on a mat", "a very small cat"}
    assert all(row.before and row.after and row.before != row.after for row in rows)
    assert result.score("source2dest").n == 4


def test_a_dataset_that_changes_the_model_while_it_prepares_is_refused_by_name(tiny_sd_folder, tmp_path):
    class Careless(Data):
        def prepare(self, edited: Any, checkpoint: Checkpoint, prompts: Sequence[Prompt], scratch: Any) -> Any:
            scratch.array({"what": "spoilt"}, lambda: np.zeros(3, np.float32))
            next(iter(edited.parameters_named("text_encoder.*fc2.bias").values())).add_(1.0)
            return prompts

    plan = toy.make_plan(
        tiny_sd_folder,
        tmp_path / "cache",
        dataset=Careless(
            single_batch(EditBatch("one", (request("cat", 1),))),
            lambda _: [Prompt("a cat", 1, "source", label=0, target=1)],
        ),
        task=make_task("careless", "source2dest", "source"),
        metrics=[toy.SOURCE2DEST],
    )
    with pytest.raises(DataError, match=r"dataset aice changed .*text_encoder.*: it must leave the model"):
        run(plan, tmp_path / "out")
    assert len(list((tmp_path / "cache" / "scratch").rglob("*.array"))) == 1  # the method's; the dataset's is withdrawn
