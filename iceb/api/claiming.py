"""Sentences of pages, held to committed results; no torch is imported."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iceb.api.arguments import Place
from iceb.api.comparing import LEADERBOARDS
from iceb.base.tables import frame_of

if TYPE_CHECKING:
    import pandas

    from iceb.leaderboard.claims import Verdict

OF_CLAIM = ("number", "kind", "page", "says", "carried", "p_holm")
OF_TEST = ("found", "p", "clusters")


@dataclass(frozen=True)
class Verdicts:
    """The answers of results to a file of claims, in its order."""

    verdicts: "tuple[Verdict, ...]"

    @property
    def is_carried(self) -> bool:
        """Whether the results carry every claim."""
        return all(each.is_carried for each in self.verdicts)

    def frame(self) -> "pandas.DataFrame":
        """The tests as a frame, a row for each; a claim that cannot be tested has one row.

        Columns: number, kind, page, says; carried, whether the results carry the claim, and p_holm, its adjusted p;
        found, what one test found, its p and its clusters of equal weight; problem, why the claim has no test.

        Raises:
            SpecError: pandas is not installed.
        """
        return frame_of(list(self._rows()), (*OF_CLAIM, *OF_TEST, "problem"), ("p_holm", "p", "clusters"))

    def _rows(self) -> Iterator[dict[str, Any]]:
        for each in self.verdicts:
            common = {
                **{name: getattr(each.claim, name) for name in ("kind", "page", "says")},
                **{name: getattr(each, name) for name in ("number", "p_holm", "problem")},
                "carried": each.is_carried,
            }
            for test in each.tests:
                yield {**common, "found": test.text, "p": test.p, "clusters": test.clusters}
            if not each.tests:
                yield {**common, "found": "", "p": None, "clusters": None}


def claims(file: Place = "claims.toml", *, folder: Place | None = None) -> Verdicts:
    """Decide which sentences of a file of claims the results carry, as `iceb claims` does.

    A sentence that they do not carry is no error here: ask `is_carried`, or each verdict.

    Args:
        file: of claims; its pages lie beside it.
        folder: the leaderboards folder; None: the one beside the file.

    Raises:
        SpecError: the file cannot be read, or a claim is malformed.
        ResultError: a committed result cannot be read.
    """
    from iceb.leaderboard.claim_estimates import Shelf
    from iceb.leaderboard.claim_file import read_claims
    from iceb.leaderboard.claims import judge_claims
    from iceb.leaderboard.pages import results_folder
    from iceb.specs.meanings import bounds_of, group_of

    place = Path(file)
    asked = read_claims(place)
    shelf = Shelf(results_folder(Path(folder) if folder is not None else place.parent / LEADERBOARDS))
    return Verdicts(judge_claims(asked, place.parent, shelf, group_of, bounds_of))
