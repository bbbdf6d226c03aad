"""Planning: whatever is asked wrongly is said in one line, before anything is loaded or made."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from iceb.base.errors import DataError, IcebError, MethodError, ModelError, SpecError
from iceb.datasets import open_dataset
from iceb.datasets.conflicts import Conflict
from iceb.running.plan import Ask, plan
from iceb.running.task_data import data_of
from iceb.specs.execution import Execution
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditRequest


@pytest.fixture
def ask(tiny_sd_folder, tmp_path):
    """A function that makes what is asked for, with one field changed."""

    def make(**changes):
        named = {"task": "aice", "method": "unedited", "num_edits": 2, "model": str(tiny_sd_folder), "cache": tmp_path}
        return Ask(**{**named, **changes})

    return make


@pytest.fixture
def captions(tmp_path):
    """The setting that names a file of captions."""
    file = tmp_path / "captions.txt"
    file.write_text("a caption")
    return {"captions": str(file)}


@pytest.mark.parametrize(
    ("changes", "kind", "complaint"),
    [
        ({"task": "aise"}, SpecError, "unknown task 'aise': did you mean aice"),
        ({"method": "emcyd"}, SpecError, "unknown method 'emcyd': did you mean emcid"),
        ({"model": "sd41"}, ModelError, "unknown model 'sd41'"),
        ({"model": "."}, ModelError, "not a diffusers model"),
        ({"num_edits": 0}, IcebError, "`num_edits` 0: must be a whole number from 1"),
        ({"limit": 0}, IcebError, "`limit` 0: must be a whole number from 1"),
        ({"execution": Execution(device="tpu")}, ModelError, "`device` tpu"),
        ({"sampling": {"steps": 0}}, SpecError, "`steps` 0"),
        ({"sampling": {"scheduler": "euler"}}, SpecError, "scheduler"),
        ({"sampling": {"stepz": 3}}, SpecError, "stepz"),
        (
            {"method": "emcid", "settings": {"rat": 0.1}},
            SpecError,
            "unknown setting of method emcid 'rat': did you mean",
        ),
        ({"method": "emcid", "settings": {"rate": "fast"}}, SpecError, "rate='fast'"),
        ({"method": "emcid"}, MethodError, "emcid needs a caption corpus for model family path: `captions=FILE`"),
        (
            {"method": "emcid", "settings": {"captions": "/nowhere/captions.txt"}},
            DataError,
            r"emcid captions /nowhere/captions\.txt: cannot be read \(No such file",
        ),
        ({"method": "emcid", "settings": {"captions": "/dev/null"}}, DataError, "emcid captions /dev/null: is empty"),
        ({"recipe": Path("nowhere.toml")}, SpecError, "`recipe` nowhere.toml: cannot be read"),
        ({"data": "/nowhere"}, DataError, "`data` /nowhere is not a folder"),
    ],
)
def test_a_wrong_request_is_one_clear_line(ask, changes, kind, complaint):
    with pytest.raises((kind, ValueError), match=complaint) as caught:
        plan(ask(**changes))
    assert "\n" not in str(caught.value) or not isinstance(caught.value, IcebError)


def test_a_method_of_another_kind_is_refused(ask, monkeypatch):
    from iceb.baselines.controls import Unedited
    from iceb.specs.methods import MethodCard

    monkeypatch.setattr(Unedited, "card", MethodCard("unedited", 1, "", ("balance",), ()))
    with pytest.raises(MethodError, match="method unedited cannot replace, which task aice asks for: it can balance"):
        plan(ask())


def test_an_eraser_that_cannot_replace_is_told_how_to_take_part(ask, monkeypatch):
    from iceb.baselines.controls import Unedited
    from iceb.specs.methods import MethodCard

    monkeypatch.setattr(Unedited, "card", MethodCard("unedited", 1, "", ("erase",), (), reaches_dest=False))
    with pytest.raises(MethodError, match=r'it can erase; .* name "replace" in kinds too, with reaches_dest=False$'):
        plan(ask())
    monkeypatch.setattr(Unedited, "card", MethodCard("unedited", 1, "", ("replace", "erase"), (), reaches_dest=False))
    assert not plan(ask(model="mini")).parts.method.card.reaches_dest


def test_settings_of_speed_and_memory_change_no_id_and_no_key(ask):
    requests = (EditRequest("r/0", "cat", ("dog",), ("{}",), 1),)
    prompts = [Prompt("a cat", 1, "source")]
    plain, other = (
        plan(ask(model="mini", execution=each)) for each in (Execution(), Execution("cpu", 3, 2, "float32", 5))
    )
    assert plain.spec == other.spec
    assert plain.spec.id == other.spec.id
    keys = [
        (p.parts.method.key(p.parts.bundle, requests), p.parts.generator.keys(p.parts.bundle, prompts, p.spec.sampling))
        for p in (plain, other)
    ]
    assert keys[0] == keys[1]
    assert other.parts.bundle.images_per_pass.size == 3


def test_neither_a_metric_nor_the_limit_changes_the_digests_of_the_data(ask):
    plain = plan(ask(data="embedded")).spec
    for changes in ({"metrics": ("dest_forget_published",)}, {"limit": 1}):
        other = plan(ask(data="embedded", **changes)).spec
        assert other.prompts_sha256 == plain.prompts_sha256
        assert other.requests_sha256 == plain.requests_sha256
    assert plan(ask(data="embedded", num_edits=1)).spec.prompts_sha256 != plain.prompts_sha256


def test_the_published_noise_is_refused_where_no_prompt_has_one(ask, monkeypatch):
    """It gave the run another name, and every image as it is without."""
    upstream = ask(data="embedded", sampling={"noise": "upstream"})
    assert plan(upstream).spec.sampling.noise == "upstream"
    dataset = open_dataset("aice_embedded")
    shared = [replace(prompt, noise=None) for prompt in dataset.shared_prompts(2)]
    monkeypatch.setattr(type(dataset), "shared_prompts", lambda self, num_edits: shared)
    with pytest.raises(SpecError, match="`noise=upstream`: no prompt of dataset aice_embedded says how"):
        plan(upstream)


def test_another_precision_of_training_passes_is_another_run_and_another_edit(ask):
    """EMCID's single edit on mini with passes in bfloat16 has an edit_score of 0.20 instead of 0.30."""
    requests = (EditRequest("r/0", "cat", ("dog",), ("{}",), 1),)
    plain, half = (plan(ask(model="mini", execution=Execution(precision=each))) for each in ("float32", "bfloat16"))
    assert plain.spec.id != half.spec.id
    method, bundle = plain.parts.method, plain.parts.bundle
    assert method.key(bundle, requests) != method.key(bundle, requests, "bfloat16")
    kept = {method.scratch(bundle, plain.parts.cache, each).path({"what": "P"}) for each in ("float32", "bfloat16")}
    assert len(kept) == 2


def test_more_edits_than_there_are_is_refused(ask):
    with pytest.raises(DataError, match="300 edit requests, `num_edits` asked for 301: choose 1 to 300"):
        plan(ask(num_edits=301, data="embedded"))


def test_a_plan_counts_images_by_role_and_loads_nothing(ask):
    found = plan(ask(data="embedded", limit=5))
    assert found.spec.id.startswith("aice/unedited/0002-")
    assert {each.role: (each.prompts, each.before, each.after) for each in found.counts}["source"] == (5, 5, None)
    assert not found.parts.bundle.is_loaded
    assert found.spec.dataset == "aice_embedded"


def test_a_plan_says_which_metric_will_have_no_value(ask):
    """Of one edited class there is no alias; of two there is one."""
    note = "note: metric alias2dest finds no prompt of role alias, and has no value"
    assert note in plan(ask(data="embedded", num_edits=1)).lines()
    assert not any("finds no prompt" in line for line in plan(ask(data="embedded", num_edits=10)).lines())


@pytest.mark.parametrize("method", ["unedited", "prompt_swap"])
def test_planning_does_no_work_of_a_method_that_only_rewrites_prompts(ask, monkeypatch, tmp_path, method):
    found = plan(ask(data="embedded", limit=5, method=method))

    def fail(*_, **__):
        raise AssertionError("a plan made an edit")

    monkeypatch.setattr(type(found.parts.method.method), "edit", fail)
    assert "edit: to be made" in found.lines()
    assert not list((tmp_path / "edits").rglob("*.safetensors"))


def test_settings_defaults_and_all_are_part_of_the_run(ask, captions):
    settings = ({**captions}, {**captions, "moment_weight": 17})
    one, other = (plan(ask(method="emcid", settings=s, data="embedded")) for s in settings)
    assert one.spec.params["moment_weight"] != other.spec.params["moment_weight"] == 17.0
    assert one.spec.id != other.spec.id
    assert one.parts.method.recipe == "emcid/aice"


def test_a_run_is_named_by_the_content_of_its_files_wherever_they_lie(ask, captions, tmp_path):
    def planned_spec(path):
        return plan(ask(method="emcid", settings={"captions": str(path)}, data="embedded")).spec

    first = planned_spec(captions["captions"])
    moved = Path(captions["captions"]).rename(tmp_path / "moved.txt")
    assert planned_spec(moved).id == first.id
    assert str(tmp_path) not in first.model_dump_json()
    moved.write_text("another caption")
    assert planned_spec(moved).id != first.id


@pytest.mark.parametrize(
    ("named", "dataset", "model", "expected"),
    [
        (None, "aice", "mini", "embedded"),
        ("upstream", "aice", "mini", "upstream"),
        (None, "aice_embedded", "mini", None),  # without a twin: where its own card says
        (None, "aice", "sd14", None),
    ],
)
def test_the_embedded_model_takes_the_embedded_twin_of_a_dataset_that_has_one(named, dataset, model, expected):
    source = SimpleNamespace(family=SimpleNamespace(name=model))
    assert data_of(named, dataset, source) == expected


def test_a_plan_warns_of_requests_in_conflict(ask, monkeypatch):
    asked = ask(data="embedded")
    assert plan(asked).conflicts == ()
    links = (EditRequest("1", "a", ("b",), ("{}",), 0), EditRequest("2", "b", ("c",), ("{}",), 0))
    monkeypatch.setattr("iceb.running.plan.schedule_conflicts", lambda schedule: (Conflict("chain", links),))
    assert "warning: 1 chain among the requests: a → b → c" in plan(asked).lines()
