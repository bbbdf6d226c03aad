"""Degenerate images: seeded faults of every size are found, rendered and drawn images are not, and ranks are gated."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from iceb.base.errors import MeasureError
from iceb.leaderboard.rank import tables
from iceb.leaderboard.render import render as render_page
from iceb.leaderboard.unranked import DEGENERATE
from iceb.metrics.measures.degenerate import Degenerate, flags, quantile
from iceb.mini.entities import entities_of, entity_look
from iceb.mini.render import render
from iceb.mini.world import class_look
from iceb.models import drawing
from iceb.models.bundle import ModelBundle
from iceb.models.sources import find
from iceb.running.degenerate_images import count_degenerate
from iceb.running.measuring import Measuring
from iceb.runs.ledger import ImageRow
from iceb.specs.degenerate import KINDS, DegenerateCounts, DegenerateRecord, KnownCounts
from iceb.specs.metrics import MeasureInput
from iceb.specs.prompts import Prompt
from iceb.specs.results import Result
from iceb.specs.runs import MeasureRef
from iceb.stores.images import ImageStore
from iceb.stores.measured import MeasuredStore

SIZES = (32, 64, 256, 512)


def kind(image):
    """The fault that is found, or None."""
    found = flags(image)
    return KINDS[int(found.argmax())] if found.any() else None


def noise(size, grain, draw):
    """White noise of squares of `grain` pixels."""
    found = draw.integers(0, 256, (size // grain, size // grain, 3))
    return found.repeat(grain, 0).repeat(grain, 1).astype(np.uint8)


def blobs(size, share, draw):
    """Noise without frequencies above a few waves in the image, stretched to the whole range."""
    waves = np.fft.fftfreq(size)
    weight = np.exp(-2 * (np.pi * size * share) ** 2 * (waves[:, None] ** 2 + waves[None] ** 2))[..., None]
    smooth = np.fft.ifft2(np.fft.fft2(draw.normal(size=(size, size, 3)), axes=(0, 1)) * weight, axes=(0, 1)).real
    return (255 * (smooth - smooth.min()) / np.ptp(smooth)).round().astype(np.uint8)


@pytest.mark.parametrize("size", SIZES)
def test_constant_and_nearly_constant_images_are_blank(size):
    draw = np.random.default_rng(0)
    for level in (0, 128, 255):
        flat = np.full((size, size, 3), level, np.float64)
        assert kind(flat.astype(np.uint8)) == "blank"
        assert kind(np.clip(flat + draw.normal(0, 2, flat.shape), 0, 255).round().astype(np.uint8)) == "blank"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("grain", [1, 2, 4, 8, 16])
def test_noise_is_found_at_every_grain(size, grain):
    if size // grain < 16:
        pytest.skip("fewer than 16 squares a side are coloured squares")
    draw = np.random.default_rng(grain)
    assert {kind(noise(size, grain, draw)) for _ in range(10)} == {"noise"}


def test_gaussian_noise_around_grey_is_noise():
    draw = np.random.default_rng(1)
    images = [np.clip(draw.normal(128, 20, (64, 64, 3)), 0, 255).astype(np.uint8) for _ in range(20)]
    assert {kind(image) for image in images} == {"noise"}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("share", [1 / 4, 1 / 6, 1 / 8])
def test_a_few_smooth_blobs_are_found(size, share):
    draw = np.random.default_rng(2)
    assert {kind(blobs(size, share, draw)) for _ in range(10)} == {"blobs"}


def test_numbers_that_are_not_finite_are_found():
    image = np.full((16, 16, 3), 7.0)
    image[3, 4, 1] = np.nan
    assert kind(image) == "non_finite"


def test_a_decode_of_nan_is_drawn_black_and_counts_as_blank():
    """What docs/results.md says of the kind that no run has."""

    def decode(part, *, return_dict):
        return (torch.full((len(part), 3, 32, 32), torch.nan),)

    vae = SimpleNamespace(config=SimpleNamespace(scaling_factor=1.0), dtype=torch.float32, decode=decode)
    (image,) = drawing._decode(vae, torch.zeros(1, 4, 4, 4), find("mini").family.sampling)
    assert image.dtype == np.uint8
    assert not image.any()
    assert kind(image) == "blank"


def test_an_image_of_another_shape_is_refused():
    with pytest.raises(MeasureError, match=r"shape \(4, 4\): needs \(height, width, 3\)"):
        flags(np.zeros((4, 4), np.uint8))


def test_rendered_objects_of_the_embedded_world_are_sound():
    images = [render(class_look(label), label) for label in range(0, 1000, 4)]
    assert [kind(image) for image in images if kind(image)] == []


def test_rendered_styles_and_people_are_sound():
    draw = np.random.default_rng(6)
    looks = [entity_look(int(each)) for kind in ("style", "identity") for each in draw.choice(entities_of(kind), 60)]
    images = [render(look, place) for place, look in enumerate(looks)]
    assert sum(kind(image) is not None for image in images) <= 4


def test_what_minis_decoder_makes_of_noise_is_noise():
    """A model whose denoiser is destroyed emits this."""
    bundle = ModelBundle(find("mini"), "cpu")
    latents = torch.randn((60, 4, 8, 8), generator=torch.Generator().manual_seed(0))
    for size in (1.0, 4.0):
        with torch.inference_mode():
            decoded = bundle.pipeline.vae.decode(size * latents / 0.69, return_dict=False)[0]
        images = ((decoded / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
        assert sum(kind(image) == "noise" for image in images) >= 57


def test_a_stack_has_one_row_an_image():
    draw = np.random.default_rng(4)
    images = [noise(32, 1, draw), np.zeros((32, 32, 3), np.uint8), render(class_look(5), 3)]
    found = Degenerate()([MeasureInput(image) for image in images])
    assert found[:, :4].tolist() == [[0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert Degenerate()([]).shape == (0, 8)


@pytest.mark.parametrize("count", [1, 2, 3, 100, 1024, 1984])
def test_quantiles_are_numpys_to_the_bit(count):
    numbers = np.random.default_rng(count).integers(0, 256, (3, count)) / 4
    for share in (0.0, 0.005, 0.25, 0.5, 0.99, 0.995, 1.0):
        assert np.array_equal(quantile(np.sort(numbers, axis=1), share), np.quantile(numbers, share, axis=1))


# Counts of a run


def test_images_are_counted_by_role_before_and_after(tmp_path):
    draw, store = np.random.default_rng(5), ImageStore(tmp_path)
    sound, blank, noisy = f"{1:064x}", f"{2:064x}", f"{3:064x}"
    for key, image in (
        (sound, render(class_look(1), 3)),
        (blank, np.zeros((32, 32, 3), np.uint8)),
        (noisy, noise(32, 1, draw)),
    ):
        store.save(key, image)
    pairs = [("source", sound, noisy), ("source", sound, noisy), ("source", blank, blank), ("holdout", sound, sound)]
    rows = [ImageRow("end", "", Prompt("a", at, role), *keys) for at, (role, *keys) in enumerate(pairs)]
    record = count_degenerate(Measuring(store, MeasuredStore(tmp_path)), rows)
    source, holdout = record.roles["source"], record.roles["holdout"]
    assert (source.images, source.after, source.before, source.kinds) == (3, 3, 1, {"blank": 1, "noise": 2})
    assert (holdout.after, holdout.before, holdout.kinds) == (0, 0, {})
    assert record.worst() == ("role source", pytest.approx(2 / 3))
    assert record.in_words.startswith("3 of 4 images (blank 1, noise 2), 1 before the edit; 67 % more of role source")


def record(after, before=0, images=100):
    counts = DegenerateCounts(
        images=images, images_before=images, after=after, before=before, kinds={"noise": after} if after else {}
    )
    sound = DegenerateCounts(images=1000, images_before=1000, after=0, before=0)
    measure = MeasureRef(id="degenerate@1", revision="1")
    return DegenerateRecord(measure=measure, roles={"source": counts, "holdout": sound})


@pytest.mark.parametrize(
    ("counts", "too_many"),
    [((11, 0), False), ((12, 0), True), ((55, 45), False), ((65, 45), True), ((3, 0, 10), False), ((6, 0, 10), True)],
)
def test_the_bound_is_a_share_beyond_the_unedited_models_by_two_errors_in_any_role(counts, too_many):
    assert (record(*counts).worst() is not None) is too_many


def counts_by_role(**roles):
    """Counts by role: images, degenerate ones before, and by kind after."""
    measure = MeasureRef(id="degenerate@1", revision="1")
    found = {
        role: DegenerateCounts(
            images=images, images_before=images, after=sum(kinds.values()), before=before, kinds=kinds
        )
        for role, (images, before, kinds) in roles.items()
    }
    return DegenerateRecord(measure=measure, roles=found)


def test_blank_images_of_the_unedited_model_make_no_room_for_noise():
    row = counts_by_role(source=(500, 164, {"noise": 100}))
    unedited = counts_by_role(source=(500, 164, {"blank": 160, "noise": 4}))
    assert row.worst() is None  # nobody says that the 164 before were no noise
    assert row.worst(KnownCounts(unedited=unedited)) == ("noise in role source", pytest.approx(96 / 500))


def test_noise_that_each_role_hides_in_its_error_shows_in_all_together():
    row = counts_by_role(erased=(250, 0, {"noise": 21}), others=(1000, 0, {"noise": 61}))
    assert row.worst() == ("all roles together", pytest.approx(82 / 1250))
    assert counts_by_role(erased=(250, 0, {"noise": 21})).worst() is None


def places_and_page(make_result, task, found):
    """The places of two rows, the better one with such a record, and the page."""
    rows = [
        make_result("emcid", 10, {"edit_score": 0.3}).with_fields(degenerate=found),
        make_result("uce", 10, {"edit_score": 0.2}),
        make_result("unedited", 10, {"edit_score": 0.0}),
    ]
    (table,) = tables([each.result for each in rows], task)
    return {each.row.method: each.place for each in table.ranked[10]}, render_page("page", [table])


def test_a_row_that_emits_noise_has_no_rank_and_says_so(make_result, task):
    places, page = places_and_page(make_result, task, record(90))
    assert places == {"emcid": DEGENERATE, "uce": "1", "unedited": "control"}
    assert "| degenerate images | – | emcid |" in page
    assert "90 of 1100 (0 before)" in page
    assert "not recorded" in page


def test_a_row_with_few_degenerate_images_keeps_its_rank(make_result, task):
    assert places_and_page(make_result, task, record(3))[0]["emcid"] == "1"


def test_pages_of_results_without_the_counts_are_as_they_were(make_result, task):
    assert "degenerate" not in places_and_page(make_result, task, None)[1]


def test_a_result_of_an_older_version_is_read_without_them(make_result):
    text = make_result().result.to_json()
    assert Result.from_json(text.replace('  "degenerate": null,\n', "")).degenerate is None
