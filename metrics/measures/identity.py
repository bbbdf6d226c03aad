"""The person whose face an image shows: measures of kind `face_identity`.

The published scores are by the GIPHY Celebrity Detector, which runs on TensorFlow 1 and knows 2 300 persons; its
weights do not ship, and none of a like detector do. Whoever has one subclasses `FaceIdentity`, registers the class as
`face_identity` (entry point group `iceb.measures`), and every task finds it. On mini `identity_mini` stands for it.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from iceb.base.errors import MeasureError
from iceb.metrics.measures.checks import check_images, check_rows
from iceb.metrics.measures.clip_twin import TwinMeasure
from iceb.specs.metrics import Inputs, MeasureInput

BATCH = 64  # images in one forward pass
FACE = "a photo of {}"  # of a person or a profession
SHOWN = ("a photo of a {}", "a painting by {}", "a photo at the {}")  # of a class, a style, a scene: no face

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class FaceIdentity:
    """Scores of the identities that a prompt's choices name, by a closed list of identities.

    A row: the score of each choice, the largest of any other identity, and 1 if a face was found, else 0. Without a
    face all are 0. A score is a probability where the detector has them; metrics read their order alone. Where a
    detector finds several faces, it answers for the first, as MACE's evaluate_by_GCD.py does.
    Names are compared in lower case.

    Args:
        device: where the detector runs.
    """

    id: ClassVar[str] = "face_identity@1"
    inputs: ClassVar[Inputs] = "image+text"

    def __init__(self, device: str = "cpu") -> None:
        self.device = device

    @property
    def revision(self) -> str:
        """A digest or commit that pins the detector's weights."""
        raise NotImplementedError

    @property
    def identities(self) -> Sequence[str]:
        """The names that the detector knows, in the order of its scores."""
        raise NotImplementedError

    def scores(self, images: Sequence[Pixels]) -> Sequence[npt.NDArray[np.floating] | None]:
        """The scores of all identities for each image, (identities,); None where no face was found."""
        raise NotImplementedError

    def __call__(self, inputs: Sequence[MeasureInput]) -> Floats:
        """Numbers (N, choices + 2) float32 of N inputs, whose prompts offer equally many names.

        Raises:
            MeasureError: an image is not RGB bytes, or a prompt offers no name, or one that the detector does not know.
        """
        places = {name.lower(): place for place, name in enumerate(self.identities)}
        asked = [[self._place(name, places) for name in names_of(self.id, each)] for each in inputs]
        images = list(check_images(self.id, [each.image for each in inputs]))
        found = [
            face_row(asked_of, known)
            for start in range(0, len(images), BATCH)
            for asked_of, known in zip(
                asked[start : start + BATCH], self.scores(images[start : start + BATCH]), strict=True
            )
        ]
        width = len(asked[0]) + 2 if asked else 3
        return check_rows(self.id, np.array(found, np.float32).reshape(len(inputs), width), (len(inputs), width))

    def _place(self, name: str, places: dict[str, int]) -> int:
        if name.lower() not in places:
            raise MeasureError(
                f"measure {self.id} knows {len(places)} identities, and not {name!r:.80}: an unknown person would "
                "count as never recognised; use a detector that knows it"
            )
        return places[name.lower()]


def names_of(measure: str, given: MeasureInput) -> tuple[str, ...]:
    """The names that an input's prompt offers.

    Raises:
        MeasureError: it has no prompt, or the prompt has no choices.
    """
    if given.prompt is None or not given.prompt.choices:
        raise MeasureError(f"measure {measure} got an image without a name to look for: needs a prompt with choices")
    return given.prompt.choices


def face_row(places: Sequence[int], known: npt.NDArray[np.floating] | None) -> list[float]:
    """One image's row: identities at some places, the largest of the others, whether there is a face.

    >>> face_row([1], np.array([0.25, 0.5, 0.125])), face_row([1], None)
    ([0.5, 0.25, 1.0], [0.0, 0.0, 0.0])
    """
    if known is None:
        return [0.0] * (len(places) + 2)
    others = np.delete(known, places)
    return [*(float(known[place]) for place in places), float(others.max(initial=0.0)), 1.0]


class MiniIdentity(TwinMeasure):
    """Identities of mini's world, by mini's CLIP twin: which name an image is most like.

    Scores are cosines with "a photo of NAME", of all identities of mini, and of a choice that is none of them as well,
    for the twin reads any text. A face is found where some person, identity or profession, is more like the image than
    every class, style and scene. The row is that of `FaceIdentity`.
    """

    id = "identity_mini@1"
    inputs = "image+text"

    def _rows(self, inputs: Sequence[MeasureInput]) -> Floats:
        asked = [names_of(self.id, each) for each in inputs]
        if len({len(names) for names in asked}) > 1:
            raise MeasureError(f"measure {self.id} got prompts with different numbers of names in one call")
        images = self.twin.image_embeddings(list(check_images(self.id, [each.image for each in inputs])))
        known = images @ self._names.T  # (n, identities)
        person = np.maximum(known.max(axis=1), (images @ self._professions.T).max(axis=1))
        has_face = person > (images @ self._faceless.T).max(axis=1)
        rows = [
            face_row(*self._with_choices(image, names, cosines)) if face else face_row(range(len(names)), None)
            for image, names, cosines, face in zip(images, asked, known, has_face, strict=True)
        ]
        return np.array(rows, np.float32)

    def _with_choices(self, image: Floats, names: Sequence[str], cosines: Floats) -> tuple[list[int], Floats]:
        """The places of the names among mini's identities and the names that are none, and the cosines."""
        new = [name for name in names if name.lower() not in self._places]
        if new:
            cosines = np.concatenate([cosines, self.twin.text_embeddings([FACE.format(name) for name in new]) @ image])
        places = {**self._places, **{name.lower(): len(self._names) + place for place, name in enumerate(new)}}
        return [places[name.lower()] for name in names], cosines

    @cached_property
    def _places(self) -> dict[str, int]:
        """Every name of an identity in lower case → its place."""
        from iceb.mini.people import identities

        return {name.lower(): place for place, names in enumerate(identities()) for name in names}

    @cached_property
    def _names(self) -> Floats:
        from iceb.mini.people import identities

        return self.twin.text_embeddings([FACE.format(names[0]) for names in identities()])

    @cached_property
    def _professions(self) -> Floats:
        from iceb.mini.people import professions

        return self.twin.text_embeddings([FACE.format(name) for name in professions()])

    @cached_property
    def _faceless(self) -> Floats:
        """Everything of mini's world that has no face."""
        from iceb.mini.styles import style_names
        from iceb.mini.world import SCENES, class_names

        kinds = zip(SHOWN, (class_names(), style_names(), tuple(SCENES)), strict=True)
        return self.twin.text_embeddings([frame.format(name) for frame, names in kinds for name in names])

    def _width(self) -> int:
        return 3

    def _width_of(self, inputs: Sequence[MeasureInput]) -> int:
        return len(names_of(self.id, inputs[0])) + 2
