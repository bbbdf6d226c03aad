"""Scores of erased styles: CLIP's score with an image's own text, and LPIPS."""

from iceb.metrics.composite import Composite
from iceb.metrics.cosines import ClipScore
from iceb.metrics.image_means import ImageMean
from iceb.metrics.perceptual import ALEX, ALEX_64, PerceptualChange
from iceb.specs.reduction import Part

ERASED, OTHERS, HOLDOUT = "erased", "others", "holdout"  # roles
PRESERVED, ERASED_MORE = "preserved", "erased_more"
SEEN, UNSEEN = "seen", "unseen"  # tags of prompts of what stays by whether preserved captions say its name
L14, B32 = "clip_l14", "clip_b32"  # kinds of measures
EMCID, MACE, UCE = "arXiv:2403.13807", "arXiv:2403.06135", "arXiv:2308.14761"


def score_gap(name: str, kept: ImageMean, lost: ImageMean, paper: str = "") -> Composite:
    """Score of one role's images less that of another's, as H_a = CLIP_s − CLIP_e."""
    parts = {kept.part_name: Part(1.0, "after"), lost.part_name: Part(-1.0, "after")}
    return Composite(name, (kept, lost), parts, unit=kept.unit, paper=paper)


STYLE_CLIP_E = ClipScore("style_clip_e", ERASED, B32, higher_is_better=False, paper=MACE)
STYLE_CLIP_S = ClipScore("style_clip_s", OTHERS, B32, paper=MACE)
STYLE_CLIP_S_SEEN, STYLE_CLIP_S_UNSEEN = (  # ours, of the embedded set
    ClipScore(f"style_clip_s_{tag}", OTHERS, B32, tags=(tag,), part=f"{tag} others") for tag in (SEEN, UNSEEN)
)
STYLE_H_A = score_gap("style_h_a", STYLE_CLIP_S, STYLE_CLIP_E, MACE)
STYLE_H_A_UNSEEN = score_gap("style_h_a_unseen", STYLE_CLIP_S_UNSEEN, STYLE_CLIP_E)

ARTIST_LPIPS64_ERASED = PerceptualChange("artist_lpips64_erased", ERASED, ALEX_64, higher_is_better=True, paper=UCE)
ARTIST_LPIPS64_HOLDOUT = PerceptualChange("artist_lpips64_holdout", HOLDOUT, ALEX_64, paper=UCE)
ARTIST_LPIPS64_SEEN, ARTIST_LPIPS64_UNSEEN = (  # ours, of the embedded set
    PerceptualChange(f"artist_lpips64_{tag}", HOLDOUT, ALEX_64, tags=(tag,), part=f"{tag} holdout", paper="")
    for tag in (SEEN, UNSEEN)
)
ARTIST_LPIPS64_PRESERVED = PerceptualChange("artist_lpips64_preserved", PRESERVED, ALEX_64, paper=UCE)
ARTIST_LPIPS64_GAP = score_gap("artist_lpips64_gap", ARTIST_LPIPS64_ERASED, ARTIST_LPIPS64_HOLDOUT)
ARTIST_LPIPS64_GAP_UNSEEN = score_gap("artist_lpips64_gap_unseen", ARTIST_LPIPS64_ERASED, ARTIST_LPIPS64_UNSEEN)
ARTIST_LPIPS64_ERASED_MORE = PerceptualChange(
    "artist_lpips64_erased_more", ERASED_MORE, ALEX_64, higher_is_better=True, paper=""
)
ARTIST_LPIPS_ERASED = PerceptualChange("artist_lpips_erased", ERASED, ALEX, higher_is_better=True)
ARTIST_LPIPS_HOLDOUT = PerceptualChange("artist_lpips_holdout", HOLDOUT, ALEX)
ARTIST_LPIPS_PRESERVED = PerceptualChange("artist_lpips_preserved", PRESERVED, ALEX)
ARTIST_CLIP_ERASED = ClipScore("artist_clip_erased", ERASED, L14, higher_is_better=False, paper=EMCID)
ARTIST_CLIP_HOLDOUT = ClipScore("artist_clip_holdout", HOLDOUT, L14, paper=EMCID)
ARTIST_CLIP_PRESERVED = ClipScore("artist_clip_preserved", PRESERVED, L14, paper="")
