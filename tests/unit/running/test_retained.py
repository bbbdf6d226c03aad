"""A method that is told to retain what is scored is found out; sentences, other names and other files are not."""

import json

import pytest

from iceb.datasets import open_dataset
from iceb.running.method_runner import choose
from iceb.runs.retained import retained_scored, scored_names
from iceb.specs.schedules import edit_batches


@pytest.fixture(scope="module")
def dataset():
    return open_dataset("aice", "embedded")


@pytest.fixture(scope="module")
def names(dataset):
    return scored_names(dataset, edit_batches(dataset.schedule(2)))


def retained_names(names, **settings) -> tuple[str, ...]:
    return retained_scored(choose("uce", settings).method, names)


def test_the_scored_names_are_those_of_every_class_edited_reached_or_left_alone(dataset, names):
    held = {prompt.label for prompt in dataset.shared_prompts(1)}
    assert len(held) == dataset.card.counts["holdout_classes"]
    assert len(names) >= len(held) + len(dataset.requests)
    assert all({request.source, *request.dests, *request.aliases} <= names for request in dataset.requests)


@pytest.mark.parametrize("ending", ["txt", "json"])
def test_a_file_that_lists_scored_names_is_found_whatever_their_case(names, tmp_path, ending):
    some = sorted(names)[::7]
    lines = [f"  {name.upper()} " for name in some] + ["a photo of nothing", f"a photo of {some[0]}"]
    path = tmp_path / f"retain.{ending}"
    path.write_text(json.dumps([{"caption": line} for line in lines]) if ending == "json" else "\n".join(lines))
    assert retained_names(names, retain_file=str(path)) == tuple(some)


def test_a_list_typed_as_a_setting_is_found_too(names):
    one = min(names)
    assert retained_names(names, retain=(one, "nobody's own thing")) == (one,)


def test_a_list_without_scored_names_passes(names, tmp_path):
    image = tmp_path / "weights.bin"
    image.write_bytes(bytes(range(256)))
    sentences = tmp_path / "captions.txt"
    sentences.write_text("".join(f"a photo of {name}\n" for name in names))
    assert retained_names(names) == ()
    assert retained_names(names, retain_file=str(image), captions=str(sentences)) == ()
    assert retained_names(names, retain_file=str(tmp_path / "missing.txt")) == ()
