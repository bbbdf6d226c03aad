"""The words of a judge: likeliest class, nearer text, or that it failed; those of images that have a judge alone."""

from types import SimpleNamespace

import numpy as np

from iceb import registry
from iceb.running.judge_answers import JudgeAnswers, answer_text
from iceb.running.measure_attempts import FailedRow
from iceb.specs.prompts import Prompt

HEN = Prompt("a hen", 1, "source", label=8, tags=("class",))
MASCOT = Prompt("our mascot", 2, "source", choices=("our mascot", "a tiger"), answer=1, tags=("text",))
LOST = Prompt("a cock", 4, "source", label=7, tags=("class",))


class Rows:
    """A measuring that knows the rows of three images."""

    def rows(self, measure, wanted, what=""):
        known = {"hen": np.eye(1000)[8] * 0.75, "mascot": np.array([0.2, 0.31]), "lost": FailedRow("no")}
        return {each.key(measure): known[each.image] for each in wanted}


class Image(SimpleNamespace):
    """A measure of images, whose rows have the image's key."""

    inputs = "image"


def test_every_image_with_a_judge_has_its_answer():
    metrics = [SimpleNamespace(metric=registry.load("metrics", "own_reached"))]
    measures = {"imagenet_classifier": Image(), "clip_l14": Image()}
    scorer = SimpleNamespace(metrics=metrics, measures=measures, measuring=Rows())
    images = {HEN: "hen", MASCOT: "mascot", Prompt("a sea", 3, "train"): "sea", LOST: "lost"}
    assert JudgeAnswers(scorer).of(images) == {HEN: "hen 0.75", LOST: "not judged", MASCOT: "a tiger 0.31"}


def test_of_equal_texts_the_own_one_is_nearer():
    assert answer_text("text", MASCOT, np.array([0.25, 0.25])) == "our mascot 0.25"
