"""docs/keys.md lists what is in each key: every field that the code puts into one stands on the page."""

from pathlib import Path

from iceb.models import generator
from iceb.models.environment import DRAWING, environment
from iceb.models.generator import Generator
from iceb.registry import load
from iceb.running import measuring
from iceb.running.method_runner import choose
from iceb.specs.prompts import Prompt
from iceb.specs.runs import RunSpec
from iceb.stores import scratch
from iceb.stores.images import ImageStore
from iceb.stores.scratch import ScratchStore

PAGE = (Path(__file__).parents[2] / "docs" / "keys.md").read_text(encoding="utf-8")


def section(title):
    """The text below one heading of the page."""
    (found,) = [part for part in PAGE.split("\n## ") if part.startswith(title)]
    return found


def missing(names, title):
    return [name for name in names if f"`{name}`" not in section(title)]


def test_every_field_of_the_environment_stands_on_the_page(tiny_sd):
    assert missing(environment(tiny_sd), "Environment") == []


def test_the_modules_that_draw_stand_on_the_page():
    names = ",".join(name.rpartition(".")[2] for name in DRAWING)
    assert f"`iceb/models/{{{names}}}.py`" in section("Environment")


def test_every_field_of_an_edits_key_stands_on_the_page(tiny_sd):
    assert missing([*choose("unedited", {})._identity(tiny_sd, "float32"), "params", "requests"], "Edit") == []


def test_every_field_of_a_runs_id_stands_on_the_page():
    assert missing(RunSpec.model_fields, "Run\n") == []


def test_every_field_of_an_images_key_stands_on_the_page(tiny_sd, tmp_path, monkeypatch):
    fields: set[str] = set()
    monkeypatch.setattr(generator, "digest", lambda value: fields.update(value) or "0" * 64)
    Generator(ImageStore(tmp_path)).keys(tiny_sd, [Prompt("a cat", 1, "source")], tiny_sd.family.sampling)
    assert missing(fields - {"with"}, "Image") == []


def test_every_field_of_a_kept_parts_key_stands_on_the_page(tmp_path, monkeypatch):
    fields: set[str] = set()
    store = ScratchStore(tmp_path, {}, {})
    monkeypatch.setattr(scratch, "digest", lambda value: fields.update(value) or "0" * 64)
    store.path({"what": "moments"})
    assert missing(fields, "Part") == []


def test_every_field_of_a_measured_rows_key_stands_on_the_page(monkeypatch):
    fields: set[str] = set()
    monkeypatch.setattr(measuring, "digest", lambda value: fields.update(value) or "0" * 64)
    measuring.stored_revision(load("measures", "vit_mini")(device="cpu"), "cpu")
    assert missing(fields, "Measured") == []
