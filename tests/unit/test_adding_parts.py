"""The guides' dataset, task, measure and metrics are what the guides say; tests/pages runs their commands."""

import json
import re
import sys
import tomllib
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from iceb.base.digest import digest_bytes
from iceb.base.errors import DataError
from iceb.datasets.cards import parse_card
from iceb.specs.metrics import Measured, MeasureInput
from iceb.specs.prompts import Prompt
from iceb.specs.reduce import reduce_values
from iceb.specs.schedules import edit_batches

DOCS = Path(__file__).parents[2] / "docs"
DATASET, METRIC = DOCS / "adding_a_dataset.md", DOCS / "adding_a_metric.md"
MOST_LINES = 220


def block(page: Path, language: str, name: str = "") -> str:
    """The code block of a language; the one that begins with a file's name, where one is given."""
    begin = rf"```{language}\n" + (rf"# {re.escape(name)}\n" if name else "")
    found = re.search(rf"{begin}(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"{page.name} has no block {language} {name}"
    return found[1]


def module(page: Path, file: str, name: str) -> Any:
    """A block of Python as the module it is."""
    made = ModuleType(name)
    sys.modules[name] = made  # where a dataclass looks for its own names
    exec(compile(block(page, "python", file), str(page), "exec"), made.__dict__)
    return made


@pytest.fixture(scope="module")
def orchestra(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The guide's dataset, loaded, and its module."""
    rows = tmp_path_factory.mktemp("rows") / "orchestra.json"
    rows.write_text(block(DATASET, "json"), encoding="utf-8")
    made = module(DATASET, "iceb_orchestra/__init__.py", "iceb_orchestra")
    yield made, made.Orchestra(parse_card(block(DATASET, "markdown"), "orchestra.md"), {"rows": rows})
    del sys.modules["iceb_orchestra"]


@pytest.fixture(scope="module")
def ssim() -> Any:
    """The module of the guide's measure and metrics."""
    yield module(METRIC, "iceb_ssim.py", "iceb_ssim")
    del sys.modules["iceb_ssim"]


@pytest.mark.parametrize("page", [DATASET, METRIC], ids=lambda page: page.name)
def test_a_guide_is_short_and_ends_with_its_checks(page):
    text = page.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    *_, last = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    assert all(line.startswith(("iceb check ", "python -m pytest ")) for line in last.splitlines())


def test_the_card_declares_the_printed_rows(orchestra):
    _, dataset = orchestra
    assert dataset.card.files["rows"].sha256 == digest_bytes(block(DATASET, "json").encode())
    assert dataset.card.counts["requests"] == len(json.loads(block(DATASET, "json"))["edits"])


def test_the_packages_register_what_they_hold(orchestra, ssim):
    for page, found in ((DATASET, orchestra[0]), (METRIC, ssim)):
        groups = tomllib.loads(block(page, "toml", "pyproject.toml"))["project"]["entry-points"]
        places = {name: place for table in groups.values() for name, place in table.items()}
        for place in places.values():
            name, _, attribute = place.partition(":")
            assert name == found.__name__
            assert hasattr(found, attribute)


def test_prompts_are_of_the_declared_roles_and_none_is_trained_on(orchestra):
    made, dataset = orchestra
    (batch,) = edit_batches(dataset.schedule(4))
    prompts = [*dataset.prompts(batch), *dataset.shared_prompts(4)]
    assert Counter(prompt.role for prompt in prompts) == {"source": 24, "alias": 24, "holdout": 36}
    assert set(made.TASK.roles) == {prompt.role for prompt in prompts}
    trained = {text.replace("{}", request.source) for request in batch.requests for text in request.templates}
    assert not trained & {prompt.text for prompt in prompts}
    alias = next(prompt for prompt in prompts if prompt.role == "alias")
    assert (alias.text, alias.label, alias.target, alias.request) == ("a photo of a fiddle", 889, 541, "orchestra/0")
    with pytest.raises(DataError, match="has 4 edits, `num_edits` asked for 5"):
        dataset.schedule(5)


def test_the_classes_are_those_of_imagenet(orchestra):
    names = json.loads((Path(__file__).parents[2] / "iceb/mini/data/names.json").read_text())["names"]
    _, dataset = orchestra
    for request in dataset.requests:
        assert (names[request.source_label], names[request.dest_label]) == (request.source, request.dest)
    assert {names[label] for label in dataset.kept.values()} == set(dataset.kept)


def plain(value: int) -> np.ndarray[Any, Any]:
    return np.full((32, 32, 3), value, np.uint8)


def test_the_measure_is_the_published_formula(ssim):
    """Of two plain images the formula leaves (2 a b + C) / (a² + b² + C), C = 0.01²."""
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    pairs = [MeasureInput(plain(51), plain(204)), MeasureInput(noise, noise), MeasureInput(255 - noise, noise)]
    between, equal, opposite = ssim.StructuralSimilarity()(pairs)[:, 0]
    a, b = 51 / 255, 204 / 255
    assert between == pytest.approx((2 * a * b + 1e-4) / (a**2 + b**2 + 1e-4), abs=1e-4)
    assert equal == pytest.approx(1, abs=1e-6)
    assert opposite < -0.5


def test_the_metric_takes_each_concepts_mean(ssim):
    prompts = tuple(
        Prompt("a harp", seed, "holdout", concept=name) for seed, name in enumerate(["harp"] * 2 + ["oboe"])
    )
    side = Measured("ssim@1", np.array([[1.0], [0.5], [0.25]]), prompts)
    values = ssim.HOLDOUT_CHANGED({"holdout": {"after": side}})
    assert [(value.concept, value.before, value.after, value.n) for value in values] == [
        ("harp", None, 0.25, 2),
        ("oboe", None, 0.75, 1),
    ]
    assert reduce_values(values, ssim.HOLDOUT_CHANGED.reduction).value == pytest.approx(0.5)
