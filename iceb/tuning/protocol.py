"""The protocol of tuning: one for every method, so that tuned rows compare."""

from dataclasses import asdict, dataclass
from typing import Any

from iceb.specs.methods import MethodCard

TASK, FAMILY = "aice", "mini"
EDIT_SCORE, ERASE_SCORE = "edit_score", "erase_score"


@dataclass(frozen=True)
class Protocol:
    """The numbers of a tuning; every method gets the same.

    Attributes:
        edits: numbers of edits at which a trial is scored; its score is their mean.
        trials: settings that are tried for a method: the published ones, the start, and points of its grid.
        prompts: about as many are asked of the edited concepts at each number of edits.
        holdout: validation holdout classes, a prompt each.
    """

    edits: tuple[int, ...] = (10, 50, 150)
    trials: int = 8
    prompts: int = 150
    holdout: int = 184

    def document(self) -> dict[str, Any]:
        """The protocol for the record."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


PROTOCOL = Protocol()


def score_name(card: MethodCard) -> str:
    """The name of what a method is tuned for.

    edit_score is (source2dest + holdout_delta) / 2; of an eraser, which reaches no destination, erase_score is
    (source_forget + holdout_delta) / 2.
    """
    return EDIT_SCORE if card.reaches_dest else ERASE_SCORE
