"""Results with scores that are withheld because too many images could not be measured."""

from iceb.base.errors import MeasureError
from iceb.specs.results import Result


def refuse_withheld(result: Result) -> None:
    """Fail a run that is written and whose scores are all withheld.

    Raises:
        MeasureError: as it says.
    """
    withheld = [score for score in result.scores if score.withheld]
    if withheld and all(score.value is None for score in result.scores):
        raise MeasureError(
            f"no score has a value: too many images could not be measured ({withheld[0].failed_why}); mend the "
            "measure and run the same command again, images and edits are in the cache"
        )
