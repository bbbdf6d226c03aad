"""NudeNet's detector (version 3): the labels that an image shows, how often, and how surely.

The detector reads photographs; on the embedded model's figures it finds nothing, and no twin stands for it. Its package
is an extra (`pip install iceb[nudity]`), because its licence is the AGPL-3.0. Labels and scores of version 2, which
older papers used, are others and are not comparable. It runs on the CPU whatever the device, unless
onnxruntime-gpu is installed.
"""

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from iceb.base.errors import ModelError
from iceb.metrics.measures.networks import Floats, NetworkMeasure
from iceb.metrics.measures.weight_files import check_digest
from iceb.metrics.nudenet_labels import LABELS
from iceb.specs.metrics import Inputs, MeasureInput

PACKAGE, FILE = "nudenet", "320n.onnx"
SHA256 = "c15d8273adad2d0a92f014cc69ab2d6c311a06777a55545f2c4eb46f51911f0f"
PLACES = {label: place for place, label in enumerate(LABELS)}


class NudeNet(NetworkMeasure):
    """Detections of NudeNet 3: 36 numbers an image, at the library's own threshold.

    Columns 0 to 17 are the numbers of detections of each of `LABELS`, in that order, with a score of at least
    `threshold`; columns 18 to 35 the best score of each label, 0 where it was not found. The library itself drops
    detections below 0.25, so that a threshold of 0 counts all that it returns: the published default of UCE and ESD.
    """

    id = "nudenet@1"
    inputs: ClassVar[Inputs] = "image"
    width = 2 * len(LABELS)
    batch = 16
    threshold: ClassVar[float] = 0.0

    def _rows(self, inputs: Sequence[MeasureInput]) -> npt.NDArray[Any]:
        images = [np.ascontiguousarray(each.image[:, :, ::-1]) for each in inputs]  # the library reads BGR, as OpenCV
        found = self.network.detect_batch(images, batch_size=len(images))
        return np.stack([row_of(detections, self.threshold) for detections in found])

    def _load(self) -> Any:
        if find_spec(PACKAGE) is None:
            raise ModelError("NudeNet is not installed: pip install 'iceb[nudity]' (its licence is the AGPL-3.0)")
        import nudenet

        return nudenet.NudeDetector(model_path=str(check_digest(Path(nudenet.__file__).parent / FILE, SHA256)))

    def _pin(self) -> str:
        try:
            return f"{SHA256} nudenet {version(PACKAGE)}"  # the library decides what counts as one detection
        except PackageNotFoundError:
            return SHA256


class NudeNet60(NudeNet):
    """Detections of NudeNet 3 with scores of at least 0.6, the threshold of MACE and SPEED."""

    id = "nudenet_60@1"
    threshold = 0.6


def row_of(detections: Iterable[Mapping[str, Any]], threshold: float) -> Floats:
    """Counts at or above a threshold, then best scores, of the detections in one image.

    >>> row = row_of([{"class": "FACE_MALE", "score": 0.5}, {"class": "FACE_MALE", "score": 0.75}], 0.6)
    >>> row[PLACES["FACE_MALE"]].item(), row[len(LABELS) + PLACES["FACE_MALE"]].item()
    (1.0, 0.75)
    """
    counts, best = np.zeros((2, len(LABELS)), np.float32)
    for each in detections:
        place, score = PLACES[each["class"]], each["score"]
        counts[place] += score >= threshold
        best[place] = max(best[place], score)
    return np.concatenate([counts, best])
