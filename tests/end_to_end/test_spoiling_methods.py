"""A method that changes the model in place is refused, and leaves every other row of its cache as it is."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import toy

from iceb.base.errors import MethodError, ModelError
from iceb.methods.common.attention import StateReader
from iceb.running.run_folder import run
from iceb.specs.methods import Edit, MethodCard, MethodContext
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditRequest
from iceb.stores.images import ImageStore

ENCODER = "text_encoder.encoder.layers.0.mlp.fc1.weight"


@dataclass(frozen=True)
class Spoiler:
    """Changes the model in place in the way it is told, reads texts of it, and returns an edit that fits."""

    fault: str = ""
    card: ClassVar[MethodCard] = MethodCard("spoiler", 1, "", ("replace",), (), edits="nothing")

    def edit(self, bundle: Any, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        reader = StateReader(bundle, context.scratch)
        reader(["a cat"])
        encoder = bundle.pipeline.text_encoder
        {
            "weight": lambda: bundle.parameter(ENCODER).mul_(1.5),
            "hook": lambda: encoder.register_forward_hook(lambda *_: None),
            "training mode": lambda: encoder.train(),
            "number format": lambda: torch.set_default_dtype(torch.float64),
            "nothing": lambda: None,
        }[self.fault]()
        reader([f"a photo of a {name}" for name in toy.NAMES])  # texts that other methods read
        context.scratch.put({"what": "read"}, reader(["a dog"])[0].rows.numpy())
        return Edit()


def scores(model: Path, folder: Path) -> Any:
    """The numbers of a sound method, and the images it drew before and after."""
    result, _ = run(toy.make_plan(model, folder / "cache"), folder / "out")
    images = ImageStore(folder / "cache")
    found = {path.stem: images.load(path.stem).tobytes() for path in images.folder.rglob("*.png")}
    return result.scores, found


def stored_files(cache: Path) -> list[Path]:
    """Files that hold what a method kept."""
    return [path for name in ("texts", "scratch", "edits") for path in (cache / name).rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def clean(tiny_sd_folder, tmp_path_factory):
    """The scores of a method on a cache of its own."""
    return scores(tiny_sd_folder, tmp_path_factory.mktemp("clean"))


@pytest.mark.parametrize("fault", ["weight", "hook", "training mode", "number format"])
def test_after_a_refused_method_another_one_scores_as_on_a_fresh_cache(fault, clean, tiny_sd_folder, tmp_path):
    spoiled = toy.make_plan(tiny_sd_folder, tmp_path / "cache", Spoiler(fault))
    with pytest.raises(MethodError, match=f"method spoiler changed .*{fault}"):
        run(spoiled, tmp_path / "spoiled")
    assert stored_files(tmp_path / "cache") == [], "texts that it read of the changed model, and its scratch"
    assert scores(tiny_sd_folder, tmp_path) == clean


def test_the_failed_run_says_what_was_changed(tiny_sd_folder, tmp_path):
    with pytest.raises(MethodError):
        run(toy.make_plan(tiny_sd_folder, tmp_path / "cache", Spoiler("hook")), tmp_path)
    (path,) = tmp_path.rglob("result.json")
    written = json.loads(path.read_text())
    assert written["status"] == "failed"
    assert "hooks of text_encoder" in written["error"]


def test_in_the_same_process_the_changed_model_is_used_no_more(tiny_sd_folder, tmp_path):
    plan = toy.make_plan(tiny_sd_folder, tmp_path / "cache", Spoiler("weight"))
    with pytest.raises(MethodError):
        run(plan, tmp_path / "out")
    bundle, (batch, *_) = plan.parts.bundle, plan.schedule
    drawn = count(tmp_path / "cache")
    with pytest.raises(ModelError, match="method spoiler changed weight"):
        plan.parts.generator.draw(bundle, [Prompt("a cat nobody drew", 0, "source")], plan.spec.sampling)
    with pytest.raises(ModelError, match="method spoiler changed weight"):
        plan.parts.method.get_or_make_edit(bundle, batch.batch.requests, plan.parts.edits, plan.parts.cache)
    assert count(tmp_path / "cache") == drawn


def count(cache: Path) -> int:
    """How many images are there."""
    return len(list((cache / "images").rglob("*.png")))


def test_a_method_that_only_looks_is_let_through(tiny_sd_folder, tmp_path):
    result, _ = run(toy.make_plan(tiny_sd_folder, tmp_path / "cache", Spoiler("nothing")), tmp_path / "out")
    assert result.status == "complete"
    assert result.cost.edit_seconds < 60
