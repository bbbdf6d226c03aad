"""One deliberately broken task for each check, and the check that must catch it; a sound one passes them all."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from iceb import registry
from iceb.base.errors import SpecError
from iceb.conformance.check_line import Broken, Line
from iceb.conformance.parts.tasks import RegisteredTask, check_task
from iceb.datasets.cards import load_card
from iceb.datasets.counts import first_requests
from iceb.metrics.change import ProbabilityChange
from iceb.specs.metrics import Measurements, Need
from iceb.specs.tasks import Task
from iceb.tasks.aice import AICE
from tests.contract.registering import by_name, failures, only_failure, register  # noqa: F401

KIND = "imagenet_classifier"
SOUND = replace(
    AICE,
    name="turned",
    metrics=("edit_score",),
    axes=None,
    optional_metrics=(),
    roles=("source", "holdout"),
    edited_roles=("source",),
)


@pytest.fixture
def lines(register: Any, tmp_path: Any, monkeypatch: Any) -> Any:  # noqa: F811
    """The checks of a task that a package registers, with metrics of its own."""
    monkeypatch.delenv("ICEB_DATA", raising=False)

    def run_checks(task: Any, *metrics: Any) -> list[Line]:
        register("tasks", "turned", task)
        for metric in metrics:
            register("metrics", metric.name, metric)
        return list(check_task("turned", cache=tmp_path))

    return run_checks


def with_metric(metric: Any, *roles: str, **changes: Any) -> Task:
    """A sound task that is ranked by one more metric."""
    names = ("edit_score", metric.name)
    return replace(SOUND, **{"metrics": names, "headline": metric.name, "roles": (*SOUND.roles, *roles), **changes})


def test_a_sound_task_fails_nothing(lines):
    made = by_name(lines(SOUND))
    assert {check: line.status for check, line in made.items() if line.status != "pass"} == {}
    assert made["its dataset"].note == "aice_embedded"
    assert made["measures of mini"].note == "imagenet_classifier: vit_mini"


def test_something_else_than_a_task_is_caught(lines):
    fields = {name: getattr(SOUND, name) for name in SOUND.__dataclass_fields__}
    check, note = only_failure(lines(SimpleNamespace(**fields)))
    assert (check, "must be a Task" in note) == ("registered and importable", True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "turned_2"}, "the name is 'turned_2', the entry point's is 'turned'"),
        ({"title": ""}, "the title is empty"),
        ({"paper": "arXiv:XXXX.XXXXX"}, "is a placeholder"),
        ({"roles": ("source", "holdout", "source")}, "role source stands twice"),
        ({"optional_metrics": ("edit_score",)}, "metric edit_score stands twice"),
    ],
)
def test_fields_that_promise_the_wrong_thing_are_caught(changes, words, lines):
    check, note = only_failure(lines(replace(SOUND, **changes)))
    assert (check, words in note) == ("fields", True), note


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"metrics": ("edit_scor",), "headline": "edit_scor"}, "unknown metric 'edit_scor': did you mean edit_score"),
        ({"optional_metrics": ("sharpness",)}, "unknown metric 'sharpness'"),
    ],
)
def test_metrics_that_nobody_registers_are_caught(changes, words, lines):
    check, note = only_failure(lines(replace(SOUND, **changes)))
    assert (check, words in note) == ("its metrics", True), note


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        (("source",), "metric edit_score reads role holdout, which is not declared"),
        (("source", "holdout", "train"), "no metric reads role train"),
    ],
)
def test_roles_that_are_not_those_of_the_metrics_are_caught(roles, words, lines):
    check, note = only_failure(lines(replace(SOUND, roles=roles, edited_roles=())))
    assert (check, words in note) == ("roles that metrics read", True), note


class Other(ProbabilityChange):
    """Reads a kind of measure that nobody has."""

    kind: ClassVar[str] = "imagenet_clasifier"

    @property
    def needs(self) -> tuple[Need, ...]:
        return (Need(self.kind, self.role),)


class Real(Other):
    """Reads a kind that another model than mini names."""

    kind = "real_classifier"


def test_a_kind_of_measure_that_nobody_has_is_caught(lines):
    metric = Other("other", "source", "label", falls=True)
    check, note = only_failure(lines(with_metric(metric), metric))
    assert (check, "no measure of kind 'imagenet_clasifier'" in note) == ("measures of mini", True), note


def test_a_kind_of_measure_that_other_models_have_is_skipped(lines, monkeypatch):
    named = {"mini": {KIND: "vit_mini"}, "sd14": {"real_classifier": "vit_b16_imagenet"}}
    monkeypatch.setattr("iceb.conformance.parts.tasks.NAMED", named)
    monkeypatch.setattr("iceb.conformance.parts.metrics.NAMED", named)
    metric = Real("other", "source", "label", falls=True)
    made = by_name(lines(with_metric(metric), metric))
    assert failures(made.values()) == {}
    assert made["measures of mini"].status == "skipped"


def test_a_dataset_that_nobody_registers_is_caught(lines):
    check, note = only_failure(lines(replace(SOUND, dataset="aise")))
    assert (check, "unknown dataset 'aise': did you mean aice" in note) == ("its dataset", True), note


def test_a_dataset_whose_files_are_not_here_is_skipped(lines):
    made = by_name(lines(replace(SOUND, dataset="imagenet_labels")))
    assert failures(made.values()) == {}
    assert made["its dataset"].status == made["metrics can read the prompts"].status == "skipped"


def test_more_edits_than_there_are_are_caught(lines):
    check, note = only_failure(lines(replace(SOUND, edit_counts=(1, 301))))
    assert (check, "301 edits: dataset aice_embedded has 300 edit requests" in note) == ("numbers of edits", True)


def small_of_nine(card: Any, paths: Any) -> Any:
    """An upstream list of nine requests, where the embedded one has three hundred."""
    return SimpleNamespace(card=card, schedule=lambda number: first_requests(card, range(9), number))


@pytest.mark.parametrize(("counts", "said"), [((9, 11), "9, 11 of aice_embedded alone"), ((11,), "none of 11 of")])
def test_a_number_of_edits_of_the_other_source_alone_is_said_so(counts, said):
    declared = RegisteredTask(registry.find("tasks", "aice"), task=replace(SOUND, edit_counts=counts))
    declared.dataset = small_of_nine(load_card("aice").model_copy(update={"counts": {"requests": 9}}), {})
    try:
        note = declared.counts()
    except Broken as problem:
        note = str(problem)
    assert said in note
    assert declared.numbers == ((9,) if 9 in counts else None)


def test_requests_of_another_kind_are_caught(lines):
    check, note = only_failure(lines(replace(SOUND, kind="balance")))
    assert (check, "has 1 destinations, the task asks to balance" in note) == ("requests of its kind", True)


def test_a_role_without_prompts_is_caught(lines):
    metric = ProbabilityChange("moods", "mood", "label", falls=True)
    check, note = only_failure(lines(with_metric(metric, "mood"), metric))
    assert (check, note) == ("prompts of its roles", "no prompt has the role mood")


class Compared(ProbabilityChange):
    """Reads photographs that no dataset here supplies."""

    @property
    def needs(self) -> tuple[Need, ...]:
        return (Need(KIND, self.role, ("before", "after", "reference:photographs")),)


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        (
            ProbabilityChange("rare", "source", "label", True, tags=("rare",)),
            "no prompt of role source with the tags rare",
        ),
        (Compared("compared", "source", "label", True), "reference:photographs, which the dataset does not supply"),
    ],
)
def test_needs_that_find_nothing_are_caught(metric, words, lines):
    check, note = only_failure(lines(with_metric(metric), metric))
    assert (check, words in note) == ("every need finds prompts", True), note


def test_a_need_that_the_datasets_card_declares_empty_is_reported(lines, monkeypatch):
    card = load_card("aice_embedded")
    monkeypatch.setattr(
        "iceb.conformance.parts.datasets.load_card", lambda name: card.model_copy(update={"without_tags": ("rare",)})
    )
    metric = ProbabilityChange("rare", "source", "label", True, tags=("rare",))
    made = by_name(lines(with_metric(metric, headline="edit_score"), metric))
    assert failures(made.values()) == {}
    assert made["every need finds prompts"].status == "info"


def test_a_need_without_images_at_the_fewest_edits_is_reported(lines):
    task = replace(SOUND, metrics=("edit_score", "alias2dest"), roles=("source", "holdout", "alias"))
    made = by_name(lines(task))
    assert failures(made.values()) == {}
    assert made["every need finds prompts"].status == "info"
    assert "metric alias2dest finds no prompt of role alias at 1 edits" in made["every need finds prompts"].note


class Damage(ProbabilityChange):
    """The fall of the held-out classes, less of which is better."""


def test_a_headline_that_no_edit_can_win_is_reported(lines):
    metric = Damage("damage", "holdout", "label", falls=True, higher_is_better=False)
    made = by_name(lines(with_metric(metric), metric))
    assert failures(made.values()) == {}
    line = made["a headline that can rank"]
    assert (line.status, "damage: it reads images of which nothing is asked, so unedited is best" in line.note) == (
        "info",
        True,
    )


@pytest.mark.parametrize("of", ["label", "target"])
def test_a_headline_of_what_requests_ask_for_can_rank(of, lines):
    metric = ProbabilityChange("turned_score", "source", of, falls=of == "label")
    assert by_name(lines(with_metric(metric), metric))["a headline that can rank"].status == "pass"


def test_prompts_without_the_class_that_a_metric_asks_for_are_caught(lines):
    metric = ProbabilityChange("kept_dest", "holdout", "target", falls=False)
    check, note = only_failure(lines(with_metric(metric), metric))
    assert check == "metrics can read the prompts"
    assert "metric kept_dest: metric kept_dest needs the target class of prompt" in note


class DrawsGlobally(ProbabilityChange):
    def __call__(self, measured: Measurements) -> Any:
        np.random.rand()
        return super().__call__(measured)


def test_a_changed_process_is_caught(lines):
    metric = DrawsGlobally("drawing", "source", "label", falls=True)
    check, note = only_failure(lines(with_metric(metric), metric))
    assert (check, "numpy's random state" in note) == ("process untouched by all of this", True)


def test_an_unknown_task_is_a_users_mistake():
    with pytest.raises(SpecError, match="unknown task 'aise': did you mean aice"):
        list(check_task("aise"))
