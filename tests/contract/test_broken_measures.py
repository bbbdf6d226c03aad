"""One deliberately broken measure for each check, and the check that must catch it; a sound one passes them all."""

from collections.abc import Sequence
from itertools import count
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from iceb.base.errors import ModelError, SpecError
from iceb.conformance.check_line import Line
from iceb.conformance.parts.measure_rows import COUNT
from iceb.conformance.parts.measures import check_measure
from iceb.conformance.parts.sample_images import sample_images
from iceb.specs.metrics import Inputs, MeasureInput
from tests.contract.registering import by_name, failures, only_failure, register  # noqa: F401

Rows = np.ndarray[Any, Any]


class Sound:
    """Mean colours of an image."""

    id: ClassVar[str] = "looks@1"
    revision: Any = "1"
    inputs: ClassVar[Inputs] = "image"

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self.asked = 0

    def __call__(self, inputs: Sequence[MeasureInput]) -> Any:
        self.asked += 1
        return self.rows(inputs).astype(np.float32)

    def rows(self, inputs: Sequence[MeasureInput]) -> Rows:
        return np.stack([self.row(each) for each in inputs])

    def row(self, given: MeasureInput) -> Rows:
        return given.image.reshape(-1, 3).mean(axis=0) / 255


class SoundPair(Sound):
    """How far each colour's mean moves."""

    inputs = "pair"

    def row(self, given: MeasureInput) -> Rows:
        assert given.before is not None
        return np.abs(given.image.astype(float) - given.before).reshape(-1, 3).mean(axis=0) / 255


class SoundText(Sound):
    """An image's brightness times the length of its text and choices."""

    inputs = "image+text"

    def row(self, given: MeasureInput) -> Rows:
        assert given.prompt is not None
        return np.array([given.image.mean() * len(choice) for choice in (given.prompt.text, *given.prompt.choices)])


@pytest.fixture
def lines(register: Any) -> Any:  # noqa: F811
    """The checks of a measure that a package registers."""

    def run_checks(kind: Any) -> list[Line]:
        register("measures", "looks", kind)
        return list(check_measure("looks"))

    return run_checks


@pytest.mark.parametrize("kind", [Sound, SoundPair, SoundText])
def test_a_sound_measure_fails_nothing(kind, lines):
    made = by_name(lines(kind))
    assert failures(made.values()) == {}
    assert {check for check, line in made.items() if line.status != "pass"} == {"time"}
    assert made["same rows alone and together"].note == "within 0.001 and 0.0001"


# --- what it says of itself


class NoDevice(Sound):
    def __init__(self) -> None:
        super().__init__()


class Unnamed(Sound):
    id = "looks"


class OtherName(Sound):
    id = "shades@1"


class NamedLate(Sound):
    def __init__(self, device: str = "cpu") -> None:
        super().__init__(device)
        self.id = "looks@2"  # type: ignore[misc]


class Unpinned(Sound):
    revision = ""


class PinnedAnew(Sound):
    numbers: ClassVar[Any] = count()

    def __init__(self, device: str = "cpu") -> None:
        super().__init__(device)
        self.revision = f"loaded {next(self.numbers)}"


class OtherInputs(Sound):
    inputs = "photograph"  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("kind", "check", "words"),
    [
        (SimpleNamespace(id="looks@1", revision="1"), "registered and importable", "lacks inputs, __call__"),
        (NoDevice, "can be made", "raised TypeError"),
        (Unnamed, "id", "must be NAME@VERSION"),
        (OtherName, "id", "the id's name is 'shades', the entry point's is 'looks'"),
        (NamedLate, "id", "of an instance 'looks@2'"),
        (Unpinned, "revision", "must be text that pins the weights"),
        (PinnedAnew, "revision", "would never be found again"),
        (OtherInputs, "inputs", "must be one of image, pair, image+text"),
    ],
)
def test_a_measures_attributes_are_checked(kind, check, words, lines):
    found, note = only_failure(lines(kind))
    assert (found, words in note) == (check, True), note


class WeightsElsewhere(Sound):
    @property
    def network(self) -> Any:
        raise ModelError("no weights here: connect to the internet once")

    def rows(self, inputs: Sequence[MeasureInput]) -> Rows:
        return self.network(inputs)


def test_weights_that_are_not_here_are_skipped_with_what_to_do(lines):
    made = by_name(lines(WeightsElsewhere))
    assert failures(made.values()) == {}
    line = made["one row of numbers an image"]
    assert (line.status, line.note) == ("skipped", "no weights here: connect to the internet once")


# --- its rows


class Doubles(Sound):
    def __call__(self, inputs: Sequence[MeasureInput]) -> Any:
        return self.rows(inputs)


class Flat(Sound):
    def rows(self, inputs: Sequence[MeasureInput]) -> Rows:
        return super().rows(inputs)[:, 0]


class OneRow(Sound):
    def rows(self, inputs: Sequence[MeasureInput]) -> Rows:
        return super().rows(inputs)[:1]


class Infinite(Sound):
    def row(self, given: MeasureInput) -> Rows:
        return np.full(3, np.inf)


class Crashing(Sound):
    def row(self, given: MeasureInput) -> Rows:
        return {}["weights"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Doubles, "it gives float64: must be an array of float32"),
        (Flat, "it gives shape (6,) for 6 images"),
        (OneRow, "it gives shape (1, 3) for 6 images"),
        (Infinite, "18 of 18 numbers are not finite"),
        (Crashing, "raised KeyError: 'weights' (tests/contract/test_broken_measures.py:"),
    ],
)
def test_anything_but_one_row_of_numbers_an_image_is_caught(kind, words, lines):
    check, note = only_failure(lines(kind))
    assert (check, words in note) == ("one row of numbers an image", True), note


class Drifting(Sound):
    def row(self, given: MeasureInput) -> Rows:
        return super().row(given) + 0.01 * self.asked


class Unseeded(Sound):
    """Projects on directions that every instance draws anew."""

    def __init__(self, device: str = "cpu") -> None:
        super().__init__(device)
        self.directions = np.random.default_rng().standard_normal((3, 3))

    def row(self, given: MeasureInput) -> Rows:
        return super().row(given) @ self.directions


class Centred(Sound):
    def rows(self, inputs: Sequence[MeasureInput]) -> Rows:
        found = super().rows(inputs)
        return found - found.mean(axis=0)


class Placed(Sound):
    """Marks a batch whose first image is brighter, or darker, than its last: not so in the samples' own order."""

    def rows(self, inputs: Sequence[MeasureInput]) -> Rows:
        first, last = inputs[0].image.mean(), inputs[-1].image.mean()
        seen = sample_images(COUNT)
        usual = seen[0].image.mean() > seen[-1].image.mean()
        return super().rows(inputs) + (first != last and (first > last) != usual)


class Scribbling(Sound):
    def row(self, given: MeasureInput) -> Rows:
        found = super().row(given)
        given.image[...] = 0
        return found


@pytest.mark.parametrize(
    ("kind", "check", "words"),
    [
        (Drifting, "same rows twice", "a second call gives other rows"),
        (Unseeded, "same rows from another instance", "another instance gives other rows"),
        (Centred, "same rows alone and together", "one at a time they have other rows"),
        (Placed, "same rows in any order", "in another order"),
        (Scribbling, "images left as they are", "copy before you change"),
    ],
)
def test_rows_that_depend_on_more_than_their_image_are_caught(kind, check, words, lines):
    found, note = only_failure(lines(kind))
    assert (found, words in note) == (check, True), note


class LooksAround(Sound):
    def row(self, given: MeasureInput) -> Rows:
        return super().row(given) + (given.prompt is not None)


class LooksBack(Sound):
    def row(self, given: MeasureInput) -> Rows:
        return super().row(given) + (given.before is not None)


class ReadsThePrompt(SoundPair):
    def row(self, given: MeasureInput) -> Rows:
        return super().row(given) + (given.prompt is not None)


class ReadsTheSeed(SoundText):
    def row(self, given: MeasureInput) -> Rows:
        assert given.prompt is not None
        return super().row(given) + given.prompt.seed


class ReadsTheAnswer(SoundText):
    def row(self, given: MeasureInput) -> Rows:
        assert given.prompt is not None
        return super().row(given) + (given.prompt.answer or 0)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (LooksAround, "inputs are 'image', and with another prompt"),
        (LooksBack, "inputs are 'image', and with another image before"),
        (ReadsThePrompt, "inputs are 'pair', and with another prompt"),
        (ReadsTheSeed, "inputs are 'image+text', and with another seed, role, class or answer"),
        (ReadsTheAnswer, "inputs are 'image+text', and with another seed, role, class or answer"),
    ],
)
def test_reading_an_undeclared_input_is_caught(kind, words, lines):
    check, note = only_failure(lines(kind))
    assert (check, words in note) == ("reads nothing but its inputs", True), note


class Constant(Sound):
    def row(self, given: MeasureInput) -> Rows:
        return np.ones(3)


class AfterAlone(SoundPair):
    def row(self, given: MeasureInput) -> Rows:
        return Sound.row(self, given)


class Textless(SoundText):
    def row(self, given: MeasureInput) -> Rows:
        return Sound.row(self, given)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Constant, "with another image it gives the same rows"),
        (AfterAlone, "with another image before it gives the same rows"),
        (Textless, "with another text and choices it gives the same rows"),
    ],
)
def test_ignoring_a_declared_input_is_caught(kind, words, lines):
    check, note = only_failure(lines(kind))
    assert (check, words in note) == ("reads its inputs", True), note


class Detector(Sound):
    def row(self, given: MeasureInput) -> Rows:
        return np.zeros(3)


def test_a_detector_may_find_nothing_in_colour_patches(lines):
    made = by_name(lines(Detector))
    assert failures(made.values()) == {}
    assert made["reads its inputs"].status == "skipped"


class OneSize(Sound):
    def row(self, given: MeasureInput) -> Rows:
        if given.image.shape != (64, 64, 3):
            raise ValueError(f"cannot reshape {given.image.shape}")
        return super().row(given)


class AllPixels(Sound):
    def row(self, given: MeasureInput) -> Rows:
        return given.image.reshape(-1) / 255


class Contrast(Sound):
    def row(self, given: MeasureInput) -> Rows:
        with np.errstate(divide="ignore", invalid="ignore"):
            return super().row(given) / given.image.std()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (OneSize, "raised ValueError: cannot reshape (32, 32, 3)"),
        (AllPixels, "an image of 32×32 has rows of another width"),
        (Contrast, "are not finite"),
    ],
)
def test_images_of_other_sizes_or_of_one_colour_are_tried(kind, words, lines):
    check, note = only_failure(lines(kind))
    assert (check, words in note) == ("other sizes and plain images", True), note


class DrawsGlobally(Sound):
    def row(self, given: MeasureInput) -> Rows:
        np.random.rand()
        return super().row(given)


def test_a_changed_process_is_caught(lines):
    check, note = only_failure(lines(DrawsGlobally))
    assert (check, "numpy's random state" in note) == ("process untouched by all of this", True)


def test_an_unknown_measure_is_a_users_mistake():
    with pytest.raises(SpecError, match="unknown measure 'vit_mani': did you mean vit_mini"):
        list(check_measure("vit_mani"))
