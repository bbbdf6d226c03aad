"""One deliberately broken dataset for each check, and the check that must catch it; a sound one passes them all."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import yaml
from PIL import Image

from iceb.base.digest import digest_file
from iceb.base.errors import DataError, SpecError
from iceb.conformance.check_line import Line
from iceb.conformance.parts.datasets import check_dataset
from iceb.specs.datasets import DataCard, DatasetDeclaration, ReferenceImages
from iceb.specs.prompts import NoiseDraw, Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Add, Checkpoint, Remove, Schedule, single_batch
from tests.contract.registering import by_name, failures, only_failure, register  # noqa: F401

ROWS = [["red", "blue"], ["green", "yellow"], ["orange", "purple"], ["pink", "grey"]]
COLOURS = tuple(colour for row in ROWS for colour in row)


class Sound:
    """Four colours to be turned into others, each drawn three times, and two that stay."""

    loaded: ClassVar[int] = 0

    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        type(self).loaded += 1
        self.card, self.asked, self.folder = card, 0, paths["rows"].parent
        rows = json.loads(paths["rows"].read_text())
        self.requests = tuple(EditRequest(f"c/{i}", s, (d,), ("a {}",), seed=i) for i, (s, d) in enumerate(rows))

    def schedule(self, num_edits: int) -> Schedule:
        if not 1 <= num_edits <= len(self.requests):
            raise DataError(f"{num_edits} edits: there are {len(self.requests)}")
        self.asked += 1
        return self.make_schedule(self.requests[:num_edits])

    def make_schedule(self, requests: Sequence[EditRequest]) -> Schedule:
        return single_batch(EditBatch("c", tuple(requests)))

    def prompts(self, batch: EditBatch) -> Sequence[Prompt]:
        return [self.prompt(request, seed) for request in batch.requests for seed in range(3)]

    def prompt(self, request: EditRequest, seed: int) -> Prompt:
        answer = COLOURS.index(request.dests[0])
        return Prompt(f"a {request.source} ball", seed, "source", request.id, choices=COLOURS, answer=answer)

    def shared_prompts(self, num_edits: int) -> Sequence[Prompt]:
        return [Prompt("a black ball", seed, "holdout", choices=COLOURS) for seed in range(2)]

    def scored_names(self) -> Any:
        return frozenset({*COLOURS, "black"})


@pytest.fixture
def lines(register: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Line]]:  # noqa: F811
    """The checks of a dataset that a package registers; the folder of temporary files is one below the test's."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.syspath_prepend(tmp_path)
    name = f"colours_{tmp_path.name}".replace("-", "_")
    folder = tmp_path / name / "data"
    folder.mkdir(parents=True)
    (tmp_path / name / "__init__.py").touch()
    (folder / "rows.json").write_text(json.dumps(ROWS))
    file = {"path": "rows.json", "sha256": digest_file(folder / "rows.json"), "rows": 4}
    fields = {
        "name": "colours",
        "version": 1,
        "paper": "",
        "licence": "CC0-1.0",
        "source": {"repository": "package", "commit": "1", "folder": "data"},
        "files": {"rows": file},
        "counts": {"requests": 4},
    }

    def run_checks(
        load: Any = Sound, text: str = "---\n{}---\nColours.\n", found: Any = None, **changes: Any
    ) -> list[Line]:
        card = text.format(yaml.safe_dump({**fields, **changes}))
        (tmp_path / name / "card.md").write_text(card)
        register("datasets", "colours", found or DatasetDeclaration(name, "card.md", load))
        return list(check_dataset("colours", cache=tmp_path / "cache"))

    return run_checks


def test_a_sound_dataset_fails_nothing(lines):
    made = by_name(lines())
    assert failures(made.values()) == {}
    assert {check for check, line in made.items() if line.status != "pass"} == {
        "prompts of each role",
        "names of labels",
        "reference images",
        "prompts that are prepared",
    }
    assert made["numbers of edits"].note == "1 to 4"
    assert made["prompts of each role"].note == "at 4 edits: 12 source, 2 holdout"


# --- the declaration, the card and the files


def test_something_else_than_a_declaration_is_caught(lines):
    check, note = only_failure(lines(found=SimpleNamespace(package="p", card="c.md", load=Sound)))
    assert (check, "must be a DatasetDeclaration" in note) == ("registered and importable", True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "shades"}, "declares the name 'shades'"),
        ({"text": "no front matter {}"}, "front matter"),
        ({"colour": 1}, "colour"),
        ({"version": 0}, "version"),
    ],
)
def test_a_card_that_cannot_be_read_is_caught(changes, words, lines):
    check, note = only_failure(lines(**changes))
    assert (check, words in note) == ("card can be read", True), note


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"paper": "arXiv:0000.00000"}, "the paper 'arXiv:0000.00000' is a placeholder"),
        ({"licence": "TODO"}, "the licence 'TODO' is none"),
        ({"licence": " "}, "the licence ' ' is none"),
    ],
)
def test_placeholders_are_caught(changes, words, lines):
    check, note = only_failure(lines(**changes))
    assert (check, words in note) == ("paper and licence", True), note


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ({"path": "rows.json", "sha256": "0" * 64}, "expected 000000000000"),
        ({"path": "other.json", "sha256": "0" * 64}, "lacks other.json"),
    ],
)
def test_other_files_than_declared_are_caught(file, words, lines):
    check, note = only_failure(lines(files={"rows": file}))
    assert (check, words in note) == ("files are the declared ones", True), note


def test_another_number_of_rows_is_caught(lines, tmp_path):
    path = next(tmp_path.rglob("rows.json"))
    check, note = only_failure(lines(files={"rows": {"path": "rows.json", "sha256": digest_file(path), "rows": 5}}))
    assert (check, note) == ("rows are as many as declared", "rows holds 4 rows, declared are 5")


def test_files_that_are_not_here_are_skipped_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.delenv("ICEB_DATA", raising=False)
    made = by_name(check_dataset("aice", cache=tmp_path))
    assert failures(made.values()) == {}
    assert made["files are the declared ones"].status == "skipped"
    assert "run `iceb data fetch aice`" in made["files are the declared ones"].note
    assert list(tmp_path.iterdir()) == []


def test_a_dataset_without_requests_has_a_card_and_files_to_check(lines):
    made = by_name(lines(None))
    assert failures(made.values()) == {}
    assert (made["loads"].status, made["rows are as many as declared"].status) == ("skipped", "pass")
    assert "numbers of edits" not in made


class Crashing(Sound):
    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        raise KeyError("edits")


class OtherCard(Sound):
    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        super().__init__(card.model_copy(update={"version": 2}), paths)


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (Crashing, "raised KeyError: 'edits' (tests/contract/test_broken_datasets.py:"),
        (OtherCard, "not the one that the loader was given"),
        (lambda card, paths: SimpleNamespace(card=card, schedule=None), "lacks prompts, shared_prompts"),
    ],
)
def test_a_loader_that_gives_no_dataset_is_caught(load, words, lines):
    check, note = only_failure(lines(load))
    assert (check, words in note) == ("loads", True), note


# --- schedules and requests


class EndsInACrash(Sound):
    def schedule(self, num_edits: int) -> Schedule:
        return single_batch(EditBatch("c", tuple(self.requests[place] for place in range(num_edits))))


class NotEvenOne(Sound):
    def schedule(self, num_edits: int) -> Schedule:
        raise DataError("no edits today")


def test_an_unavailable_number_of_edits_must_be_refused_in_words(lines):
    check, note = only_failure(lines(EndsInACrash, counts={}))
    assert check == "numbers of edits"
    assert "raised IndexError" in note
    assert "DataError" in note


@pytest.mark.parametrize(
    ("load", "changes", "words"),
    [(Sound, {"counts": {"requests": 9}}, "counts 9 requests"), (NotEvenOne, {}, "no edits today")],
)
def test_a_wrong_number_of_edits_is_caught(load, changes, words, lines):
    check, note = only_failure(lines(load, **changes))
    assert (check, words in note) == ("numbers of edits", True), note


class Unjudged(Sound):
    def make_schedule(self, requests: Sequence[EditRequest]) -> Schedule:
        return (Add(EditBatch("c", tuple(requests))),)


class RemovesAnother(Sound):
    def make_schedule(self, requests: Sequence[EditRequest]) -> Schedule:
        return (*super().make_schedule(requests), Remove("d"))


class StepInWords(Sound):
    def make_schedule(self, requests: Sequence[EditRequest]) -> Schedule:
        return (*super().make_schedule(requests), "undo")  # type: ignore[return-value]


class EmptyBatch(Sound):
    def make_schedule(self, requests: Sequence[EditRequest]) -> Schedule:
        return (*super().make_schedule(requests), Add(EditBatch("d", ())))


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (Unjudged, "without a checkpoint"),
        (RemovesAnother, "removes batch 'd'"),
        (StepInWords, "a step is a str"),
        (EmptyBatch, "batch d holds no requests"),
    ],
)
def test_a_schedule_that_cannot_be_run_is_caught(load, words, lines):
    check, note = only_failure(lines(load))
    assert (check, words in note) == ("schedules can be run", True), note


class OneShort(Sound):
    def make_schedule(self, requests: Sequence[EditRequest]) -> Schedule:
        return super().make_schedule(requests[: max(1, len(requests) - 1)])


class OneByOne(Sound):
    def make_schedule(self, requests: Sequence[EditRequest]) -> Schedule:
        batches = [EditBatch(request.id, (request,)) for request in requests]
        return tuple(step for b in batches for step in (Add(b), Checkpoint(b.id), Remove(b.id)))


def test_fewer_requests_than_edits_are_caught(lines):
    check, note = only_failure(lines(OneShort))
    assert (check, note) == ("as many requests as edits", "2 edits: 1 requests are in the model together, 1 in all")


def test_single_edits_count_all_together(lines):
    assert failures(lines(OneByOne)) == {}


class SameId(OneByOne):
    def make_schedule(self, requests: Sequence[EditRequest]) -> Schedule:
        batches = [EditBatch(request.id, (replace(request, id="c/one"),)) for request in requests]
        return tuple(step for b in batches for step in (Add(b), Checkpoint(b.id), Remove(b.id)))


class AsksTwice(Sound):
    def make_schedule(self, requests: Sequence[EditRequest]) -> Schedule:
        return super().make_schedule([replace(request, source="red", dests=("blue",)) for request in requests])


class AsksForNothing(Sound):
    def make_schedule(self, requests: Sequence[EditRequest]) -> Schedule:
        return super().make_schedule([replace(request, dests=(request.source,)) for request in requests])


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (SameId, "two requests have the id c/one"),
        (AsksTwice, "asks for 'red' → 'blue' a second time"),
        (AsksForNothing, "asks for 'red' to become what it is"),
    ],
)
def test_indistinguishable_requests_are_caught(load, words, lines):
    check, note = only_failure(lines(load))
    assert (check, words in note) == ("requests can be told apart", True), note


class TheLastOnes(Sound):
    def schedule(self, num_edits: int) -> Schedule:
        super().schedule(num_edits)
        return self.make_schedule(self.requests[-num_edits:])


def test_requests_that_are_not_nested_are_caught_unless_the_card_says_so(lines):
    check, note = only_failure(lines(TheLastOnes))
    assert (check, "the requests of 1 edits are not the first" in note) == ("nested as the card says", True)


def test_a_card_may_say_that_requests_are_not_nested(lines):
    assert failures(lines(TheLastOnes, nested=False)) == {}


class OtherEachCall(Sound):
    def make_schedule(self, requests: Sequence[EditRequest]) -> Schedule:
        return single_batch(EditBatch(f"call {self.asked}", tuple(requests)))


class OtherEachLoad(Sound):
    def make_schedule(self, requests: Sequence[EditRequest]) -> Schedule:
        return single_batch(EditBatch(f"load {self.number}", tuple(requests)))

    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        super().__init__(card, paths)
        self.number = self.loaded


@pytest.mark.parametrize(("load", "words"), [(OtherEachCall, "another call"), (OtherEachLoad, "loaded again")])
def test_schedules_that_differ_are_caught(load, words, lines):
    check, note = only_failure(lines(load))
    assert (check, words in note) == ("same schedules twice", True), note


# --- prompts


class NegativeSeed(Sound):
    def prompt(self, request: EditRequest, seed: int) -> Prompt:
        return replace(super().prompt(request, seed), seed=-1)


class SpacedRole(Sound):
    def shared_prompts(self, num_edits: int) -> Sequence[Prompt]:
        return [Prompt("a black ball", 0, "hold out")]


class AnswersBeyond(Sound):
    def prompt(self, request: EditRequest, seed: int) -> Prompt:
        return replace(super().prompt(request, seed), answer=8)


class SlotBeyond(Sound):
    def prompt(self, request: EditRequest, seed: int) -> Prompt:
        return replace(super().prompt(request, seed), noise=NoiseDraw(seed, (3,), 3))


class InWords(Sound):
    def prompts(self, batch: EditBatch) -> Any:
        return ["a red ball"]


class NothingDrawn(Sound):
    def prompts(self, batch: EditBatch) -> Sequence[Prompt]:
        return []

    def shared_prompts(self, num_edits: int) -> Sequence[Prompt]:
        return []


class PromptsCrash(Sound):
    def prompts(self, batch: EditBatch) -> Sequence[Prompt]:
        return [self.shades[0]]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (NegativeSeed, "seed -1"),
        (SpacedRole, "role 'hold out'"),
        (AnswersBeyond, "answer"),
        (SlotBeyond, "noise draw slot 3"),
        (InWords, "a prompt is a str"),
        (NothingDrawn, "1 edits: no prompts at all"),
        (PromptsCrash, "raised AttributeError"),
    ],
)
def test_prompts_that_cannot_be_drawn_are_caught(load, words, lines):
    check, note = only_failure(lines(load))
    assert (check, words in note) == ("prompts can be drawn", True), note


class NamesUnknown(Sound):
    def prompt(self, request: EditRequest, seed: int) -> Prompt:
        return replace(super().prompt(request, seed), request="c/9" if seed else request.id)


class SharedNamesUnknown(Sound):
    def shared_prompts(self, num_edits: int) -> Sequence[Prompt]:
        return [replace(prompt, request="c/3") for prompt in super().shared_prompts(num_edits)]


@pytest.mark.parametrize(
    ("load", "words"), [(NamesUnknown, "not in batch c"), (SharedNamesUnknown, "not in the schedule of 1 edits")]
)
def test_prompts_of_unknown_requests_are_caught(load, words, lines):
    check, note = only_failure(lines(load))
    assert (check, words in note) == ("requests that prompts name", True), note


class ForgetsTheLast(Sound):
    def prompts(self, batch: EditBatch) -> Sequence[Prompt]:
        return [p for p in super().prompts(batch) if len(batch.requests) == 1 or p.request != batch.requests[-1].id]


def test_a_request_that_no_prompt_tests_is_caught(lines):
    check, note = only_failure(lines(ForgetsTheLast))
    assert (check, "no prompt names request c/1" in note) == ("every request is tested", True), note


class OneChoiceTwice(Sound):
    def prompt(self, request: EditRequest, seed: int) -> Prompt:
        return replace(super().prompt(request, seed), choices=("blue", "blue"), answer=0)


class OtherNumberOfChoices(Sound):
    def prompt(self, request: EditRequest, seed: int) -> Prompt:
        return replace(super().prompt(request, seed), choices=COLOURS[: 2 + seed], answer=0)


@pytest.mark.parametrize(
    ("load", "words"), [(OneChoiceTwice, "offers one choice twice"), (OtherNumberOfChoices, "offer 2 and 3 choices")]
)
def test_choices_that_cannot_be_measured_together_are_caught(load, words, lines):
    check, note = only_failure(lines(load))
    assert (check, words in note) == ("choices", True), note


def test_equal_choices_that_the_card_declares_are_a_published_fault(lines):
    assert failures(lines(OneChoiceTwice, counts={"requests": 4, "choices_alike": 1})) == {}


class OneSeed(Sound):
    def prompt(self, request: EditRequest, seed: int) -> Prompt:
        return super().prompt(request, 7)


class OneNoise(Sound):
    def prompt(self, request: EditRequest, seed: int) -> Prompt:
        return replace(super().prompt(request, seed), noise=NoiseDraw(7))


@pytest.mark.parametrize(("load", "words"), [(OneSeed, "3 times with one seed"), (OneNoise, "3 times with one noise")])
def test_an_image_that_would_count_twice_is_caught(load, words, lines):
    check, note = only_failure(lines(load))
    assert (check, words in note) == ("no image counts twice", True), note


class DrawsSeeds(Sound):
    def prompt(self, request: EditRequest, seed: int) -> Prompt:
        return super().prompt(request, int(np.random.default_rng().integers(2**40)))


class DrawsSharedSeeds(Sound):
    def shared_prompts(self, num_edits: int) -> Sequence[Prompt]:
        return [
            replace(p, seed=int(np.random.default_rng().integers(2**40))) for p in super().shared_prompts(num_edits)
        ]


@pytest.mark.parametrize(("load", "words"), [(DrawsSeeds, "other prompts"), (DrawsSharedSeeds, "other shared prompts")])
def test_prompts_drawn_at_random_are_caught(load, words, lines):
    check, note = only_failure(lines(load))
    assert (check, words in note) == ("same prompts twice", True), note


# --- what is likely a mistake, and may be meant


class Bystanders(Sound):
    """Draws what nothing is asked of: the next request's source, under this request."""

    def prompts(self, batch: EditBatch) -> Sequence[Prompt]:
        following = [*batch.requests[1:], batch.requests[0]]
        near = [Prompt(f"a {b.source} ball", 9, "kept", a.id) for a, b in zip(batch.requests, following, strict=True)]
        return [*super().prompts(batch), *near]


class EditedHoldout(Sound):
    """Holds out a class that a request edits."""

    def prompts(self, batch: EditBatch) -> Sequence[Prompt]:
        return [replace(prompt, target=1) for prompt in super().prompts(batch)]

    def make_schedule(self, requests: Sequence[EditRequest]) -> Schedule:
        return super().make_schedule([replace(request, source_label=90 + int(request.id[2])) for request in requests])

    def shared_prompts(self, num_edits: int) -> Sequence[Prompt]:
        return [Prompt("a dark ball", seed, "holdout", label=93, choices=COLOURS) for seed in range(2)]


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (Bystanders, "4 prompts of nothing asked for: kept 'a green ball' names 'green', which request c/1 edits at 4"),
        (
            EditedHoldout,
            "2 prompts of nothing asked for: holdout 'a dark ball' shows class 93, which request c/3 edits",
        ),
    ],
)
def test_what_nothing_is_asked_of_and_another_request_edits_is_reported(load, words, lines):
    line = by_name(lines(load))["what no request asks for"]
    assert (line.status, words in line.note) == ("info", True), line.note


class SharedBystanders(Sound):
    """Draws the same two images for every request."""

    def prompts(self, batch: EditBatch) -> Sequence[Prompt]:
        kept = [Prompt("a black ball", seed, "kept", r.id) for r in batch.requests for seed in range(2)]
        return [*super().prompts(batch), *kept]


def test_images_that_stand_in_several_concepts_are_reported(lines):
    line = by_name(lines(SharedBystanders))["images of one concept each"]
    said = "2 images stand in more than one concept: errors take concepts as independent"
    assert (line.status, line.note) == ("info", said)


class Labelled(Sound):
    """Numbers its sources as if they were ImageNet's first classes."""

    def make_schedule(self, requests: Sequence[EditRequest]) -> Schedule:
        return super().make_schedule([replace(r, source_label=number) for number, r in enumerate(requests)])


class NamedAsImageNet(Labelled):
    def make_schedule(self, requests: Sequence[EditRequest]) -> Schedule:
        names = ("tench", "goldfish", "great white shark", "tiger shark")
        return super().make_schedule([replace(r, source=name) for r, name in zip(requests, names, strict=False)])


def test_sources_that_are_named_otherwise_than_their_label_are_listed(lines):
    line = by_name(lines(Labelled))["names of labels"]
    said = "4 of 4 sources named otherwise than their label; source, label (ImageNet-1k's name of it): "
    shown = "'green' 1 (goldfish), 'orange' 2 (great white shark), 'pink' 3 (tiger shark)"
    assert (line.status, line.note) == ("info", said + shown)


def test_sources_that_have_the_names_of_their_labels_pass(lines):
    line = by_name(lines(NamedAsImageNet))["names of labels"]
    assert (line.status, line.note) == ("pass", "4 sources named as ImageNet-1k names their label")


class SceneWithoutName(Sound):
    def prompt(self, request: EditRequest, seed: int) -> Prompt:
        return replace(super().prompt(request, seed), text="a ball" if seed == 2 else f"a {request.source} ball")


def test_source_prompts_that_do_not_name_their_source_are_reported(lines):
    line = by_name(lines(SceneWithoutName))["source prompts name their source"]
    said = "4 of 12 source prompts do not contain their source: 'a ball' of request c/0"
    assert (line.status, line.note) == ("info", said)


class ReadsCounts(Sound):
    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        super().__init__(card, paths)
        assert card.counts["colours"] == 8


def test_counts_of_the_card_that_nobody_reads_are_reported(lines):
    line = by_name(lines(ReadsCounts, counts={"requests": 4, "colours": 8, "prompts": 99}))["counts of the card"]
    assert (line.status, line.note.startswith("nobody reads prompts 99: hold them")) == ("info", True)


def test_counts_of_the_card_that_the_loader_reads_pass(lines):
    assert by_name(lines(ReadsCounts, counts={"requests": 4, "colours": 8}))["counts of the card"].status == "pass"


# --- what a dataset may offer


class Referring(Sound):
    """Supplies an image from its own folder."""

    names: ClassVar[tuple[str, ...]] = ("photographs",)

    def references(self) -> Sequence[ReferenceImages]:
        path = self.folder / "one.png"
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path)
        return [ReferenceImages(name, (path,)) for name in self.names]


class TwiceReferring(Referring):
    names = ("photographs", "photographs")


class Missing(Sound):
    def references(self) -> Sequence[ReferenceImages]:
        return [ReferenceImages("photographs", (self.folder / "none.png",))]


class NoImage(Sound):
    def references(self) -> Sequence[ReferenceImages]:
        return [ReferenceImages("photographs", (self.folder / "rows.json",))]


class NoFiles(Sound):
    def references(self) -> Sequence[ReferenceImages]:
        return [ReferenceImages("photographs", ())]


class PathsAlone(Sound):
    def references(self) -> Any:
        return [self.folder / "rows.json"]


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (Missing, "a reference must hold whole images"),
        (NoImage, "a reference must hold whole images"),
        (NoFiles, "holds no images"),
        (PathsAlone, "must be ReferenceImages"),
    ],
)
def test_references_that_are_no_images_are_caught(load, words, lines):
    check, note = only_failure(lines(load))
    assert (check, words in note) == ("reference images", True), note


def test_two_references_of_one_name_are_caught(lines):
    assert failures(lines(TwiceReferring))["reference images"] == "two sides are called photographs"


class OneText(Sound):
    def scored_names(self) -> Any:
        return "red, green, blue"


class LeavesOut(Sound):
    def scored_names(self) -> Any:
        return {"black", *COLOURS[2:]}


@pytest.mark.parametrize(
    ("load", "words"), [(OneText, "must be a set of texts"), (LeavesOut, "leaves out 2 scored concepts (blue, red)")]
)
def test_scored_names_that_protect_nothing_are_caught(load, words, lines):
    check, note = only_failure(lines(load))
    assert (check, words in note) == ("names that are scored", True), note


class PreparesLittle(Sound):
    def prepare(self, edited: Any) -> Any:
        return []


def test_a_prepare_that_cannot_be_called_is_caught(lines):
    check, note = only_failure(lines(PreparesLittle))
    assert (check, "prepare cannot be called as" in note) == ("prompts that are prepared", True), note


# --- what it leaves behind


class DrawsGlobally(Sound):
    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        super().__init__(card, paths)
        np.random.rand()


class SeedsTorch(Sound):
    def prompts(self, batch: EditBatch) -> Sequence[Prompt]:
        import torch

        torch.manual_seed(0)
        torch.rand(1)
        return super().prompts(batch)


@pytest.mark.parametrize(
    ("load", "words"), [(DrawsGlobally, "numpy's random state"), (SeedsTorch, "torch's random state")]
)
def test_a_changed_process_is_caught_and_put_back(load, words, lines):
    before = np.random.get_state()[1].copy()
    check, note = only_failure(lines(load))
    assert (check, words in note) == ("process untouched by all of this", True), note
    assert (np.random.get_state()[1] == before).all()


class WritesBeside(Sound):
    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        super().__init__(card, paths)
        (self.folder / "index.json").write_text("[]")


class MakesAFolder(Sound):
    def prompts(self, batch: EditBatch) -> Sequence[Prompt]:
        (self.folder / "made").mkdir(exist_ok=True)
        return super().prompts(batch)


@pytest.mark.parametrize(("load", "words"), [(WritesBeside, "index.json"), (MakesAFolder, "data/made")])
def test_files_written_outside_the_cache_are_caught(load, words, lines):
    check, note = only_failure(lines(load))
    assert (check, words in note) == ("nothing written outside the cache", True), note


class WritesInside(Sound):
    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        super().__init__(card, paths)
        import tempfile

        (Path(tempfile.gettempdir()) / "unpacked.json").write_text("[]")


def test_a_temporary_file_is_no_harm(lines):
    assert failures(lines(WritesInside)) == {}


def test_an_unknown_dataset_is_a_users_mistake():
    with pytest.raises(SpecError, match="unknown dataset 'aise'"):
        list(check_dataset("aise"))
