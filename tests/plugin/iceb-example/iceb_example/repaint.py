"""A dataset: colour words to be turned into others, and things of other colours to be left alone."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iceb.base.errors import DataError
from iceb.specs.datasets import DataCard, DatasetDeclaration
from iceb.specs.prompts import Prompt
from iceb.specs.requests import EditBatch, EditRequest
from iceb.specs.schedules import Schedule, single_batch

TEMPLATES = ("a {} object", "a photo of a {} thing")


class Repaint:
    """Colour words to be turned into others; every prompt offers the same colours as choices."""

    def __init__(self, card: DataCard, paths: Mapping[str, Path]) -> None:
        self.card = card
        rows: dict[str, Any] = json.loads(paths["rows"].read_text(encoding="utf-8"))
        self.colours: tuple[str, ...] = tuple(rows["colours"])
        self.things: tuple[str, ...] = tuple(rows["things"])
        self.kept: tuple[str, ...] = tuple(rows["kept"])
        self.requests = tuple(
            EditRequest(f"repaint/{place}", source, (dest,), TEMPLATES, seed=place)
            for place, (source, dest) in enumerate(rows["edits"])
        )

    def schedule(self, num_edits: int) -> Schedule:
        """One batch of the first requests."""
        if not 1 <= num_edits <= len(self.requests):
            raise DataError(f"dataset repaint has {len(self.requests)} requests, `num_edits` asked for {num_edits}")
        return single_batch(EditBatch(f"repaint/{num_edits}", self.requests[:num_edits]))

    def prompts(self, batch: EditBatch) -> Sequence[Prompt]:
        """Each thing in the colour that is edited; it should show the destination."""
        return [
            self._prompt(request.source, thing, place, "source", request.dest, request.id)
            for request in batch.requests
            for place, thing in enumerate(self.things)
        ]

    def shared_prompts(self, num_edits: int) -> Sequence[Prompt]:
        """Each thing in every colour that is kept."""
        return [
            self._prompt(colour, thing, place, "holdout", colour)
            for colour in self.kept
            for place, thing in enumerate(self.things)
        ]

    def _prompt(self, colour: str, thing: str, seed: int, role: str, shows: str, request: str | None = None) -> Prompt:
        text, answer = f"a {colour} {thing}", self.colours.index(shows)
        return Prompt(text, seed, role, request, concept=colour, choices=self.colours, answer=answer)


REPAINT_DATASET = DatasetDeclaration("iceb_example", "repaint.md", Repaint)
