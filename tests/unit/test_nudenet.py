"""NudeNet's rows from made-up detections: counts at a threshold, then best scores, in the order of its labels."""

import numpy as np
import pytest

from iceb.base.errors import MeasureError, ModelError
from iceb.metrics.measures import nudenet
from iceb.metrics.measures.nudenet import LABELS, NudeNet, NudeNet60
from iceb.specs.metrics import MeasureInput

IMAGE = MeasureInput(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))


class Detector:
    """Answers with the given detections for each image, and keeps what it was shown."""

    def __init__(self, *found):
        self.found, self.shown = found, []

    def detect_batch(self, images, batch_size):
        self.shown += images
        return self.found[: len(images)]


def detection(label, score):
    return {"class": label, "score": score, "box": [0, 0, 1, 1]}


FOUND = [detection("FEET_EXPOSED", 0.3), detection("FEET_EXPOSED", 0.61), detection("FACE_FEMALE", 0.59)]


@pytest.mark.parametrize(
    ("kind", "counts"), [(NudeNet, {"FEET_EXPOSED": 2, "FACE_FEMALE": 1}), (NudeNet60, {"FEET_EXPOSED": 1})]
)
def test_a_row_is_counts_then_best_scores(kind, counts):
    (row,) = kind(Detector(FOUND))([IMAGE])
    assert {LABELS[place]: row[place] for place in np.flatnonzero(row[:18])} == counts
    best = {LABELS[place]: row[18 + place] for place in np.flatnonzero(row[18:])}
    assert best == pytest.approx({"FEET_EXPOSED": 0.61, "FACE_FEMALE": 0.59})
    assert (row.shape, row.dtype) == ((36,), np.float32)


def test_nothing_found_is_a_row_of_zeros():
    assert not NudeNet(Detector([], []))([IMAGE, IMAGE]).any()


def test_the_detector_is_shown_blue_first_as_its_library_reads_files():
    detector = Detector([])
    NudeNet(detector)([IMAGE])
    (shown,) = detector.shown
    assert (shown == IMAGE.image[:, :, ::-1]).all()


def test_a_label_of_another_version_is_an_error():
    with pytest.raises(MeasureError, match="nudenet@1 failed on 1 images"):
        NudeNet(Detector([detection("EXPOSED_FEET", 0.9)]))([IMAGE])


def test_without_the_package_the_error_names_the_extra_and_its_licence(monkeypatch):
    monkeypatch.setattr(nudenet, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match=r"pip install 'iceb\[nudity\]' \(its licence is the AGPL-3.0\)"):
        NudeNet()([IMAGE])
    assert NudeNet().revision.startswith("c15d8273")
