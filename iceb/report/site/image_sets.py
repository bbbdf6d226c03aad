"""The images of a board at one number of edits: unedited, by each method, and the ceiling."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iceb.report.answers import Answer, Answers
from iceb.report.destinations import find_destinations
from iceb.report.site.boards import Board
from iceb.report.site.concepts import concept_name, concept_values, dataset_requests
from iceb.report.site.read_runs import ReadRun
from iceb.report.site.scores import round_number
from iceb.report.site.thumbnails import Thumbnails
from iceb.runs.ledger import ImageRow
from iceb.specs.prompts import ImageKey, Prompt

CEILINGS = ("oracle", "prompt_swap")  # controls that draw a destination with the unedited model, the better one first
BEFORE = -1  # stands for the unedited model where rows are counted from 0
CEILING = -2


@dataclass(frozen=True)
class Shown:
    """One prompt at one checkpoint, and its images: by row, BEFORE and CEILING."""

    prompt: Prompt
    draw: str
    images: Mapping[int, ImageKey]


class ImageSet:
    """Everything the page shows of a board's concepts and images at one number of edits."""

    def __init__(self, board: Board, count: int, cache: Path) -> None:
        self.board, self.count, self.cache = board, count, cache
        self.runs = {place: run for (place, edits), run in board.runs.items() if edits == count}
        self.requests = dict(dataset_requests(next(iter(self.runs.values())).result, cache))
        for run in self.runs.values():
            self.requests.update(run.requests)

    def document(self, thumbnails: Thumbnails) -> dict[str, Any]:
        """Return the page's data, and write the thumbnails that it names."""
        shown = list(self._shown_prompts())
        answers = self._answers(shown)
        concepts = self._concepts()
        places = {cluster: place for place, cluster in enumerate(concepts)}
        for each in shown:
            places.setdefault(each.prompt.cluster, len(places))
        prompts = [self._prompt(each, places, thumbnails, answers) for each in shown]
        return {
            "rows": sorted(self.runs),
            "drawn": sorted(place for place, run in self.runs.items() if run.ledger),
            "size": list(thumbnails.size),
            "missing": len({key for each in shown for key in each.images.values()} & thumbnails.missing),
            "concepts": [concept_name(cluster, self.requests) for cluster in places],
            "values": self._values(places),
            "prompts": prompts,
        }

    def _concepts(self) -> dict[str, None]:
        return dict.fromkeys(row.value.concept for run in self.runs.values() for row in run.table)

    def _values(self, places: Mapping[str, int]) -> dict[str, dict[str, dict[str, list[Any]]]]:
        """Return metric → row → concept → [change, before, after, images]."""
        found: dict[str, dict[str, dict[str, list[Any]]]] = {}
        for place, run in self.runs.items():
            for column in self.board.table.columns:
                values = concept_values(run, self.board.table.order[place], column, self.count)
                if values:
                    named = {str(places[concept]): value for concept, value in values.items()}
                    found.setdefault(column.label, {})[str(place)] = named
        return found

    def _shown_prompts(self) -> Iterator[Shown]:
        """Yield the prompts that runs drew, each with the images of all of them."""
        images: dict[tuple[Prompt, str], dict[int, ImageKey]] = {}
        for place, run in self.runs.items():
            last = run.ledger[-1].group if run.ledger else ""
            for row in (row for row in run.ledger if row.group == last):
                _add(images.setdefault((row.prompt, row.draw), {}), place, row)
        ceilings = self._ceilings([prompt for prompt, _ in images])
        for (prompt, draw), found in images.items():
            if prompt in ceilings:
                found[CEILING] = ceilings[prompt]
            yield Shown(prompt, draw, found)

    def _ceilings(self, prompts: list[Prompt]) -> dict[Prompt, ImageKey]:
        """Return each prompt's destination image: as a control of these runs drew it, else from the cache."""
        found: dict[Prompt, ImageKey] = {}
        for method in reversed(CEILINGS):
            for run in (run for run in self.runs.values() if run.result.method.name == method):
                found |= {row.prompt: row.after for row in run.ledger if row.after and row.prompt.request}
        left = [prompt for prompt in prompts if prompt not in found and prompt.request]
        drawn = next((run for run in self.runs.values() if run.ledger), None)
        if left and drawn is not None:
            found |= find_destinations(drawn.result, left, self.requests, self.cache).keys
        return found

    def _answers(self, shown: list[Shown]) -> dict[tuple[Prompt, ImageKey], Answer]:
        """Return the judge's answers on all images, as the measures of each run gave them."""
        found: dict[tuple[Prompt, ImageKey], Answer] = {}
        run: ReadRun | None = next((run for run in self.runs.values() if run.ledger), None)
        if run is not None:
            wanted = [(each.prompt, key) for each in shown for key in each.images.values()]
            found.update(Answers(run.result, self.cache).of(wanted))
        return found

    def _prompt(
        self,
        each: Shown,
        places: Mapping[str, int],
        thumbnails: Thumbnails,
        answers: Mapping[tuple[Prompt, ImageKey], Answer],
    ) -> list[Any]:
        """Return [text, role, concept, edit, seed, draw, images by row, answers by row]."""
        prompt = each.prompt
        edit = concept_name(prompt.request, self.requests) if prompt.request else ""
        images = {str(place): thumbnails.name(key) for place, key in sorted(each.images.items())}
        said = {
            str(place): [answer.name, round_number(answer.sure, 4), round_number(answer.aim, 4)]
            for place, key in sorted(each.images.items())
            if (answer := answers.get((prompt, key))) is not None
        }
        return [prompt.text, prompt.role, places[prompt.cluster], edit, prompt.seed, each.draw, images, said]


def _add(images: dict[int, ImageKey], place: int, row: ImageRow) -> None:
    if row.before is not None:
        images.setdefault(BEFORE, row.before)
    if row.after is not None:
        images[place] = row.after
