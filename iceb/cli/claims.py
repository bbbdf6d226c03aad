"""`iceb claims`: test the sentences of README, docs and leaderboards against the committed results."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iceb.base.wording import count_text

if TYPE_CHECKING:
    from iceb.leaderboard.claims import Verdict

DEFAULT = Path("claims.toml")


def claims(
    file: Annotated[Path, typer.Argument(help="The file of claims; its pages lie beside it.")] = DEFAULT,
    folder: Annotated[
        Path | None, typer.Option(help="The leaderboards folder. Default: the one beside the file.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every verdict as JSON on stdout, nothing else.")] = False,
) -> None:
    """Check the sentences about results (maintainers).

    Fails where a page says what the committed results do not carry, and says which sentence and by how much.
    """
    from iceb.api.claiming import claims as judge
    from iceb.base.errors import CheckFailed

    verdicts = judge(file, folder=folder).verdicts
    if as_json:
        typer.echo(json.dumps([document(verdict) for verdict in verdicts], indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join(verdict.text for verdict in verdicts))
    if wrong := sum(not verdict.is_carried for verdict in verdicts):
        raise CheckFailed(f"{wrong} of {count_text(len(verdicts), 'claim')} of {file} are not carried by the results")


def document(verdict: "Verdict") -> dict[str, Any]:
    """A verdict as plain JSON."""
    return {
        "number": verdict.number,
        "claim": verdict.claim.model_dump(exclude_defaults=True),
        "carried": verdict.is_carried,
        "problem": verdict.problem,
        "p_holm": verdict.p_holm,
        "tests": [
            {"found": each.text, "p": each.p, "clusters": each.clusters, "by_bounds": each.by_bounds}
            for each in verdict.tests
        ],
    }
