"""Artists: turn up to 1 000 artists' styles into "art", and leave all others alone."""

from iceb.specs.tasks import Axes, Task

ARTISTS = Task(
    name="artists",
    version=2,
    title="Artistic styles erased, 1 to 1 000 at once",
    paper="arXiv:2308.14761",
    dataset="artists",
    kind="replace",  # towards "art"; a method that only erases takes part
    metrics=(
        "artist_lpips64_gap",
        "artist_lpips64_gap_unseen",
        "artist_lpips64_erased",
        "artist_lpips64_holdout",
        "artist_lpips64_seen",
        "artist_lpips64_unseen",
        "artist_lpips64_preserved",
        "artist_lpips_erased",
        "artist_lpips_holdout",
        "artist_lpips_preserved",
        "artist_clip_erased",
        "artist_clip_holdout",
        "artist_clip_preserved",
    ),
    headline="artist_lpips64_gap",
    edit_counts=(1, 5, 10, 50, 100, 500, 1000),
    axes=Axes("artist_clip_erased", "artist_clip_holdout", ceiling="prompt_swap"),
    roles=("erased", "preserved", "holdout", "erased_more"),
    edited_roles=("erased", "erased_more"),
    kept="artist_clip_holdout",  # an edit that wrecks all images may wreck the erased ones more
    optional_metrics=("artist_lpips64_erased_more",),  # of the artists whom the published files do not draw
    headline_note="The perceptual distance of erased artists' images to the unedited model's, less that of holdout "
    "artists': an edit that changes every image alike has 0, as has none at all.",
)
