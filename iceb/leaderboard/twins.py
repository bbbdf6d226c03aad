"""Say which columns of a table the embedded model's twins of published networks measure."""

from collections.abc import Iterator

from iceb.leaderboard.markdown import cell
from iceb.leaderboard.rank import Table

TWINS = {  # measure → the published number that it stands for on the embedded model, and is not
    "perceptual_mini": "LPIPS",
    "clip_mini_embedding": "Inception, as FID and KID are",
    "clip_mini_texts": "CLIP, as its cosines are",
}


def twins_lines(table: Table) -> Iterator[str]:
    """Yield a line on each twin that measured some column."""
    for measure, published in TWINS.items():
        found = {
            column.label: kind
            for column in table.columns
            for kind, identity, _ in column.key.measures
            if identity.partition("@")[0] == measure
        }
        if found:
            kinds = list(dict.fromkeys(found.values()))
            alike = f" It stands for {' and '.join(kinds)} alike." if len(kinds) > 1 else ""
            yield (
                f"{', '.join(map(cell, found))}: measured by `{measure}`, a network of the embedded model's own, not "
                f"by {published}. The numbers are on another scale and compare with no paper's.{alike}"
            )
