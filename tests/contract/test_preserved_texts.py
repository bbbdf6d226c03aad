"""No method reads a text about an unseen class on mini, whatever it preserves: of every registered method."""

import logging
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from iceb.baselines.recipes import shipped_recipe
from iceb.conformance.methods.method_under_test import MethodUnderTest
from iceb.conformance.methods.sample_requests import sample
from iceb.methods.common.corpora import texts_naming
from iceb.mini.captions import corpus
from iceb.mini.mentions import names_of
from iceb.mini.unseen import unseen_classes
from iceb.registry import entries_of
from iceb.running.method_runner import choose
from iceb.specs.recipes import Which

OURS = [entry.name for entry in entries_of("methods") if entry.package == "iceb"]
FEW = 40  # captions, or steps of training
UNSEEN = [name for label in sorted(unseen_classes()) for name in names_of(label)]


@pytest.fixture(autouse=True)
def quick_settings_warn_nobody() -> Iterator[None]:
    """Methods warn of few captions."""
    log = logging.getLogger("iceb")
    level = log.level
    log.setLevel(logging.ERROR)
    yield
    log.setLevel(level)


@pytest.fixture
def texts_read(mini_pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every text that mini's tokenizer is given; asked for before the model, which notes the tokenizer's code."""
    kind, found = type(mini_pipeline.tokenizer), set()
    given = kind.__call__

    def record(tokenizer: Any, text: Any = None, *args: Any, **options: Any) -> Any:
        found.update([text] if isinstance(text, str) else text)
        return given(tokenizer, text, *args, **options)

    monkeypatch.setattr(kind, "__call__", record)
    return found


def settings_of(name: str, which: Which) -> dict[str, Any]:
    """What the recipe for AICE on mini says, made quick without switching anything off, with few captions."""
    recipe = shipped_recipe(name, "aice")
    wanted = recipe.settings("mini", which) if recipe else {}
    quick = {key: value for key, value in choose(name, {}).card.quick if value or key not in wanted}
    counted = ("captions", "caption_count", "total_iterations")
    few = {key: min(int(wanted[key]), FEW) for key in counted if wanted.get(key)}
    return {**wanted, **quick, **few}


def settings_that_differ() -> list[tuple[str, Which]]:
    """Every method with its tuned settings, and with the published ones where they are others."""
    both: tuple[Which, ...] = get_args(Which)
    chosen = {(name, str(settings_of(name, which))): (name, which) for name in OURS for which in both[::-1]}
    return list(chosen.values())


@pytest.mark.parametrize(("name", "which"), settings_that_differ())
def test_no_text_that_a_method_reads_on_mini_names_an_unseen_class(name, which, texts_read, mini, tmp_path):
    settings = settings_of(name, which)
    method = MethodUnderTest(choose(name, settings).compare_to({}), mini, tmp_path)
    method.edit(sample(2, method.kind))
    assert texts_naming(sorted(texts_read), UNSEEN) == []
    assert bool(texts_read & set(corpus())) == any(settings.get(key) for key in ("captions", "caption_count"))


def test_what_is_read_is_recorded_and_an_unseen_name_is_found(texts_read, mini):
    text = f"a photo of a {UNSEEN[0].upper()}, resting"
    mini.pipeline.tokenizer(["", text])
    mini.pipeline.tokenizer("one")
    assert texts_read == {"", text, "one"}
    assert texts_naming(sorted(texts_read), UNSEEN) == [text]
