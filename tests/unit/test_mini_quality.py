"""Rows of mini's report: their arithmetic, with judges whose answers are known, and participation ratios."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from iceb.mini.entities import ART, entities_of, entity_look, entity_names
from iceb.mini.people import female_odds, identities, professions, roles
from iceb.mini.render import render
from iceb.mini.world import SCENES, SIZES, class_look, class_names, unknown_names
from iceb.report.mini_quality import pairs, recognition, world_rows
from iceb.report.mini_quality.classes import UNSEEN_SEED, MiniReport
from iceb.report.mini_quality.pairs import PairReport
from iceb.report.mini_quality.patching import participation_ratio
from iceb.report.mini_quality.recognition import PROMPTS, TwinReport

COUNT = 12
BUNDLE = SimpleNamespace(family=SimpleNamespace(sampling=None))


def one_hot(places, width):
    return np.eye(width, dtype=np.float32)[list(places)]


class KnowingTwin:
    """A twin whose embedding of a text is the text itself, and of an image the text it was asked to answer."""

    def __init__(self, answers):
        self.answers, self.known = list(answers), {}

    def text_embeddings(self, texts):
        return one_hot([self.known.setdefault(text, len(self.known)) for text in texts], 4000)

    def image_embeddings(self, images):
        assert len(images) == len(self.answers)
        return self.text_embeddings(self.answers)


def entity_prompts(kind, shift=0, seed=UNSEEN_SEED):
    """The prompts of the entities that the report asks for, or of those beside them."""
    known = [each for each in entities_of(kind) if each != ART]
    found = [known.index(each) for each in recognition._entities(kind, COUNT, seed)]
    return [PROMPTS[kind].format(entity_names(known[(each + shift) % len(known)])[0]) for each in found]


@pytest.mark.parametrize("kind", ["class", "style", "identity"])
def test_a_twin_that_knows_every_entity_recognises_all(kind):
    assert TwinReport(BUNDLE, KnowingTwin(entity_prompts(kind))).render_accuracy(kind, COUNT) == 1


@pytest.mark.parametrize("kind", ["class", "style", "identity"])
def test_a_twin_that_takes_each_for_its_neighbour_recognises_none(kind):
    assert TwinReport(BUNDLE, KnowingTwin(entity_prompts(kind, shift=1))).render_accuracy(kind, COUNT) == 0


def test_art_is_no_style_to_be_recognised():
    assert ART not in recognition._choices("style")
    assert len(recognition._choices("style")) == len(entities_of("style")) - 1


def test_a_twin_that_sees_women_only_gets_half_of_the_genders():
    answers = [f"a photo of a female {name}" for name in professions() for _ in range(2)]
    assert TwinReport(BUNDLE, KnowingTwin(answers)).gender_of_renders(1) == 0.5


def test_the_error_of_the_odds_is_their_distance_from_the_shares(monkeypatch):
    """One image of each profession, all taken for women's: a share of 1 each."""
    monkeypatch.setattr(recognition, "seeded_images", lambda _, texts, *rest: [None] * len(texts))
    answers = [f"a photo of a female {name}" for name in professions()]
    expected = np.mean([1 - female_odds(place) for place in range(len(professions()))])
    assert TwinReport(BUNDLE, KnowingTwin(answers)).odds_error(1) == pytest.approx(expected)


# Two objects


def by_brightness(inputs):
    """Class 0 for an image whose middle is dark, 1 for one whose middle is bright."""
    return one_hot([int(each.image[8:24, 8:24].mean() > 128) for each in inputs], 1000)


def test_the_left_half_is_judged_first():
    image = np.zeros((32, 32, 3), np.uint8)
    image[:, 16:] = 255
    assert PairReport(MiniReport(BUNDLE, by_brightness))._classes(image[None]).tolist() == [[0, 1]]


def answer(labels):
    """A judge that gives the labels in their order."""
    return lambda inputs: one_hot(labels, 1000)


def drawn_pairs(monkeypatch):
    texts = []
    blank = np.zeros((32, 32, 3), np.uint8)
    monkeypatch.setattr(pairs, "seeded_images", lambda _, asked, *rest: texts.extend(asked) or [blank] * len(asked))
    return texts


def test_two_objects_are_right_where_both_halves_are(monkeypatch):
    drawn_pairs(monkeypatch)
    labels = pairs._labels(4, np.random.default_rng(0))
    assert PairReport(MiniReport(BUNDLE, answer(labels.ravel()))).objects_right(4) == 1
    labels[0, 1] = (labels[0, 1] + 1) % 1000
    assert PairReport(MiniReport(BUNDLE, answer(labels.ravel()))).objects_right(4) == 0.75


def test_colours_are_bound_swapped_or_neither(monkeypatch):
    texts = drawn_pairs(monkeypatch)
    PairReport(MiniReport(BUNDLE, answer([0] * 6))).colours_bound(3)
    said = [(text.split()[1], text.split(" next to a ")[1].split()[0]) for text in texts]
    of_colour = {class_look(label).colour: label for label in range(1000)}
    other = next(colour for colour in of_colour if colour not in said[2])
    seen = [*said[0], *said[1][::-1], said[2][0], other]
    found = PairReport(MiniReport(BUNDLE, answer([of_colour[colour] for colour in seen]))).colours_bound(3)
    assert found == (pytest.approx(1 / 3), pytest.approx(1 / 3))


def test_no_colour_that_is_said_is_an_objects_own():
    draw = np.random.default_rng(0)
    for pair in pairs._labels(50, draw).tolist():
        first, second = pairs._other_colours(pair, draw)
        assert first != second
        assert not {first, second} & {class_look(label).colour for label in pair}


def test_rendered_pairs_show_what_they_are_judged_for():
    look = pairs._pair_look(np.array([7, 999]), "beach")
    alone = entity_look(7)
    assert (look.shape, look.colour, look.pattern, look.scene) == (alone.shape, alone.colour, alone.pattern, "beach")
    assert look.second is not None
    assert render(look, 0).shape == (32, 32, 3)


# Participation ratios


def test_vectors_along_one_line_have_a_ratio_of_1():
    line = torch.linspace(-3, 5, 40)[:, None] * torch.tensor([1.0, 2.0, -1.0]) + 7
    assert participation_ratio(line) == pytest.approx(1)


def test_vectors_that_differ_equally_in_k_directions_have_a_ratio_of_k():
    axes = torch.eye(5)[:, :].repeat(2, 1) * torch.tensor([1.0] * 5 + [-1.0] * 5)[:, None]
    assert participation_ratio(axes) == pytest.approx(5)


def test_the_ratio_is_that_of_the_covariances_eigenvalues():
    rows = torch.randn(60, 8, generator=torch.Generator().manual_seed(0)) * torch.arange(1.0, 9)
    values = torch.linalg.eigvalsh(torch.cov(rows.double().T))
    assert participation_ratio(rows) == pytest.approx(float(values.sum() ** 2 / (values**2).sum()))


def test_the_ratio_does_not_depend_on_scale_or_place():
    rows = torch.randn(60, 8, generator=torch.Generator().manual_seed(0))
    assert participation_ratio(100 * rows + 3) == pytest.approx(participation_ratio(rows), rel=1e-4)


# Roles, professions' looks, scenes, sizes, unknown names


def drawn_by(monkeypatch, module):
    blank = np.zeros((32, 32, 3), np.uint8)
    monkeypatch.setattr(module, "seeded_images", lambda _, asked, *rest: np.stack([blank] * len(asked)))


class ChoosingTwin(KnowingTwin):
    """A twin that takes each image for the text that it was asked to answer."""

    def nearest_text(self, images, texts):
        assert len(images) == len(self.answers)
        return np.asarray([texts.index(each) for each in self.answers])


def test_a_role_is_right_where_its_own_identity_is_seen(monkeypatch):
    drawn_by(monkeypatch, world_rows)
    bound = [f"a photo of {identities()[role.identity][0]}" for role in roles()]
    assert world_rows.WorldReport(BUNDLE, ChoosingTwin(bound)).roles_recognised(1) == 1
    assert world_rows.WorldReport(BUNDLE, ChoosingTwin(bound[1:] + bound[:1])).roles_recognised(1) < 0.2


def test_a_profession_is_right_whatever_its_gender():
    answers = [f"a photo of a male {name}" for name in professions() for _ in range(2)]
    assert world_rows.WorldReport(BUNDLE, ChoosingTwin(answers)).professions_on_renders(1) == 1


def test_scenes_and_sizes_are_chosen_among_prompts_of_the_same_class():
    asked = world_rows._with_classes(tuple(SCENES), 2, UNSEEN_SEED)
    answers = [f"a photo of a {class_names()[label]} in the {scene}" for label, scene in asked]
    assert world_rows.WorldReport(BUNDLE, KnowingTwin(answers)).scenes_on_renders(2) == 1
    asked = world_rows._with_classes(tuple(SIZES), 1, UNSEEN_SEED)
    answers = [f"a photo of a {class_names()[label]}" for label, _ in asked]
    assert world_rows.WorldReport(BUNDLE, KnowingTwin(answers)).sizes_on_renders(1) == pytest.approx(1 / 3)


def test_an_unknown_name_counts_where_the_judge_sees_its_class(monkeypatch):
    drawn_by(monkeypatch, world_rows)
    meant = [label for label, row in enumerate(unknown_names()) for _ in row]
    assert len(meant) == 340  # 333 names, seven of them of two classes
    assert world_rows.unknown_drawn(MiniReport(BUNDLE, answer(meant))) == (1, 1)
    assert world_rows.unknown_drawn(MiniReport(BUNDLE, answer([(label + 1) % 1000 for label in meant]))) == (0, 0)
