"""The person that an image shows: rows of a detector, and mini's."""

from dataclasses import replace

import numpy as np
import pytest

from iceb.base.errors import MeasureError, SpecError
from iceb.metrics.measures.identity import FaceIdentity, MiniIdentity
from iceb.mini.entities import entities_of, entity_look
from iceb.mini.people import identities, profession_look
from iceb.mini.render import render
from iceb.mini.world import EMPTY
from iceb.models.families import FAMILIES
from iceb.running.measure_choice import measure_for
from iceb.specs.metrics import MeasureInput
from iceb.specs.prompts import Prompt


class Detector(FaceIdentity):
    """Knows three persons; a dark image has no face, and the brightness chooses the person."""

    revision = "by hand"
    identities = ("Ann", "Bob", "Cid")

    def scores(self, images):
        return [None if image.mean() < 10 else np.roll([0.7, 0.2, 0.1], int(image.mean()) // 80) for image in images]


def give(brightness, *names):
    image = np.full((8, 8, 3), brightness, np.uint8)
    return MeasureInput(image, prompt=Prompt("a portrait", 0, "measured", choices=names))


def test_a_row_has_the_names_score_the_largest_other_and_a_face():
    found = Detector()([give(20, "ann"), give(100, "Ann"), give(0, "Ann"), give(20, "Bob")])
    np.testing.assert_allclose(found, [[0.7, 0.2, 1], [0.1, 0.7, 1], [0, 0, 0], [0.2, 0.7, 1]], rtol=1e-6)


def test_several_names_have_a_column_each():
    np.testing.assert_allclose(Detector()([give(20, "Bob", "Cid")]), [[0.2, 0.1, 0.7, 1]], rtol=1e-6)


def test_an_unknown_person_is_refused_and_never_counts_as_erased():
    with pytest.raises(MeasureError, match="knows 3 identities, and not 'Dee'"):
        Detector()([give(20, "Dee")])


def test_an_image_without_a_name_to_look_for_is_refused():
    with pytest.raises(MeasureError, match="needs a prompt with choices"):
        Detector()([give(20)])


def test_no_images_have_no_rows():
    assert Detector()([]).shape == (0, 3)


def test_without_a_detector_the_error_says_how_to_supply_one():
    with pytest.raises(SpecError, match=r"subclass iceb\.metrics\.measures\.identity\.FaceIdentity"):
        measure_for("face_identity", FAMILIES["sd14"].measures)
    assert measure_for("face_identity", FAMILIES["mini"].measures).name == "identity_mini"


@pytest.fixture(scope="module")
def mini():
    return MiniIdentity()


def renders(kind, count, *names):
    """Renders of the first entities of a kind, each with the name that is looked for."""
    looks = [entity_look(entity) for entity in list(entities_of(kind))[:count]]
    if kind == "profession":
        looks = [replace(EMPTY, person=profession_look(place, "female")) for place in range(count)]
    return [
        MeasureInput(render(look, 90 + place), prompt=Prompt("x", 0, "measured", choices=(name,)))
        for place, (look, name) in enumerate(zip(looks, names, strict=True))
    ]


def test_mini_knows_the_identities_of_renders(mini):
    names = [names[0] for names in identities()][:40]
    found = mini(renders("identity", 40, *names))
    assert (found[:, 2] == 1).all()
    assert (found[:, 0] > found[:, 1]).mean() >= 0.95


def test_mini_takes_another_identity_for_a_miss(mini):
    names = [names[0] for names in identities()][1:41]
    found = mini(renders("identity", 40, *names))
    assert (found[:, 0] > found[:, 1]).mean() <= 0.05


@pytest.mark.parametrize("kind", ["class", "style"])
def test_mini_finds_no_face_where_there_is_nobody(mini, kind):
    found = mini(renders(kind, 40, *["Ada Lovelace"] * 40))
    assert found[:, 2].mean() <= 0.05
    assert not found[found[:, 2] == 0].any()


def test_mini_finds_the_face_of_a_profession_that_is_nobody_in_particular(mini):
    found = mini(renders("profession", 37, *["Ada Lovelace"] * 37))
    assert (found[:, 2] == 1).mean() >= 0.95
    assert (found[:, 0] > found[:, 1]).mean() <= 0.05


def test_mini_reads_a_name_that_is_none_of_its_identities(mini):
    (row,) = mini(renders("identity", 1, "somebody else"))
    assert row[0] < row[1]
