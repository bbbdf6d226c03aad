"""The halves of an image of two objects."""

from dataclasses import replace

import numpy as np
import pytest

from iceb.mini.halves import halves
from iceb.mini.render import render
from iceb.mini.world import EMPTY, SCENES, Thing, class_look

PAIR = replace(class_look(3), second=Thing("ring", "pink", "halved"))


def test_each_half_stands_in_the_middle_of_its_image():
    image = render(PAIR, 5)
    left, right = halves(image)
    assert left.shape == right.shape == (32, 32, 3)
    assert np.array_equal(left[:, 8:24], image[:, :16])
    assert np.array_equal(right[:, 8:24], image[:, 16:])


@pytest.mark.parametrize("scene", sorted(SCENES))
def test_the_halves_of_a_ground_are_the_ground(scene):
    ground = render(replace(EMPTY, scene=scene), 2)
    for half in halves(ground):
        assert np.abs(half.astype(int) - ground).max() <= 2


@pytest.mark.parametrize("seed", range(20))
def test_a_half_shows_its_object_with_ground_on_both_sides(seed):
    ground = render(EMPTY, seed).astype(float)
    for half in halves(render(PAIR, seed)):
        changed = np.abs(half - ground).mean(axis=(0, 2))  # of each column
        assert changed[8:24].mean() > 10
        assert max(changed[:8].max(), changed[24:].max()) < 1
