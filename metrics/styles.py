"""Scores of erased styles: CLIP's score with an image's own text, and LPIPS."""

from dataclasses import dataclass
from typing import ClassVar

from iceb.metrics.by_concept import SIDES, column_of, concept_means
from iceb.metrics.perceptual import ALEX, ALEX_64, PerceptualChange
from iceb.specs.metrics import AFTER, Measurements, Need
from iceb.specs.reduction import ConceptValue, Part, Reduction

ERASED, OTHERS, HOLDOUT = "erased", "others", "holdout"  # roles
PRESERVED, ERASED_MORE = "preserved", "erased_more"
SCALE = 100.0  # of CLIP's logits
L14, B32 = "clip_l14", "clip_b32"  # kinds of measures
EMCID, MACE, UCE = "arXiv:2403.13807", "arXiv:2403.06135", "arXiv:2308.14761"


@dataclass(frozen=True)
class TextScore:
    """CLIP's score of images with their own texts, 100 × cosine: the mean over a role's images.

    A prompt of the role offers no choices, so that the measure compares its image with its own text.
    """

    name: str
    role: str
    kind: str
    higher_is_better: bool = True
    paper: str = MACE
    version: ClassVar[int] = 1
    unit: ClassVar[str] = "100 × cosine"

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the metric reads."""
        return (Need(self.kind, self.role),)

    @property
    def reduction(self) -> Reduction:
        """The mean score after the edit."""
        return Reduction({self.role: Part(1.0, "after")})

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """Each concept's mean score before and after."""
        return tuple(
            concept_means(
                self.role,
                {side: SCALE * column_of(measured[self.role][side], 0) for side in SIDES},
                measured[self.role][AFTER],
            )
        )


@dataclass(frozen=True)
class ScoreGap:
    """Score of one role's images less that of another's, as H_a = CLIP_s − CLIP_e."""

    name: str
    kept: "TextScore | PerceptualChange"
    lost: "TextScore | PerceptualChange"
    paper: str = ""

    higher_is_better: ClassVar[bool] = True
    version: ClassVar[int] = 1

    @property
    def unit(self) -> str:
        """The unit of both scores."""
        return self.kept.unit

    @property
    def needs(self) -> tuple[Need, ...]:
        """The images that the two scores read."""
        return (*self.kept.needs, *self.lost.needs)

    @property
    def reduction(self) -> Reduction:
        """The difference of the two means after the edit."""
        return Reduction({self.kept.role: Part(1.0, "after"), self.lost.role: Part(-1.0, "after")})

    def __call__(self, measured: Measurements) -> tuple[ConceptValue, ...]:
        """The concepts of both scores."""
        return (*self.kept(measured), *self.lost(measured))


STYLE_CLIP_E = TextScore("style_clip_e", ERASED, B32, higher_is_better=False)
STYLE_CLIP_S = TextScore("style_clip_s", OTHERS, B32)
STYLE_H_A = ScoreGap("style_h_a", STYLE_CLIP_S, STYLE_CLIP_E, STYLE_CLIP_S.paper)

ARTIST_LPIPS64_ERASED = PerceptualChange("artist_lpips64_erased", ERASED, ALEX_64, higher_is_better=True, paper=UCE)
ARTIST_LPIPS64_HOLDOUT = PerceptualChange("artist_lpips64_holdout", HOLDOUT, ALEX_64, paper=UCE)
ARTIST_LPIPS64_PRESERVED = PerceptualChange("artist_lpips64_preserved", PRESERVED, ALEX_64, paper=UCE)
ARTIST_LPIPS64_GAP = ScoreGap("artist_lpips64_gap", ARTIST_LPIPS64_ERASED, ARTIST_LPIPS64_HOLDOUT)
ARTIST_LPIPS64_ERASED_MORE = PerceptualChange(
    "artist_lpips64_erased_more", ERASED_MORE, ALEX_64, higher_is_better=True, paper=UCE
)
ARTIST_LPIPS_ERASED = PerceptualChange("artist_lpips_erased", ERASED, ALEX, higher_is_better=True)
ARTIST_LPIPS_HOLDOUT = PerceptualChange("artist_lpips_holdout", HOLDOUT, ALEX)
ARTIST_LPIPS_PRESERVED = PerceptualChange("artist_lpips_preserved", PRESERVED, ALEX)
ARTIST_CLIP_ERASED = TextScore("artist_clip_erased", ERASED, L14, higher_is_better=False, paper=EMCID)
ARTIST_CLIP_HOLDOUT = TextScore("artist_clip_holdout", HOLDOUT, L14, paper=EMCID)
ARTIST_CLIP_PRESERVED = TextScore("artist_clip_preserved", PRESERVED, L14, paper=EMCID)
