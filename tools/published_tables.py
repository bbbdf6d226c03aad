"""Read the tables that published_tables.toml declares; each becomes a file of baselines/published.

A table says which facts it takes; numbers come from the facts alone (see tools/make_published.py).
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TABLES = Path(__file__).with_suffix(".toml")
OURS = {  # as printed → ours
    "Concept Ablation": "ablation",
    "EMCID": "emcid",
    "ESD": "esd",
    "ESD-u": "esd",
    "ESD-x": "esd",
    "MACE": "mace",
    "ReFACT": "refact",
    "RECE": "rece",
    "SPEED": "speed",
    "TIME": "time",
    "UCE": "uce",
}
FORM = re.compile(r"(?P<name>.*?) \((?:(?P<what>.*), )?(?P<better>lower|higher) better\)")
RISES = ("CLIP", "H_", "H_a", "efficacy", "generality", "specificity", "F1", "face", "accuracy of other", "Acc_s")
FALLS = ("FID", "total", "images with", "holdout_artists_lpips", "time", "edit time", "accuracy of erased", "Acc_e")
UNITS = {"x100": "× 100", "CLIP score x100": "× 100", **dict.fromkeys(("FID", "LPIPS", "count"), "")}
LONGER = ("MS-COCO ", "coco30k_", "holdout_artists_")  # before a metric's own name


@dataclass(frozen=True)
class PaperTable:
    """One table or figure of a paper for one of our tasks.

    Attributes:
        file: its name in baselines/published, without the ending.
        source: the beginning of the paper's name in the facts.
        facts: the facts' tasks → what precedes the method's name in the row; of METRIC_OF what the metric is called.
        metrics: those of the facts that are taken; () for all.
        count: the number of edits of all rows; None for the facts' own.
        spread: what ± means, where the table has one.
        remarks: what to know before the numbers are compared with others.
    """

    file: str
    source: str
    paper: str
    title: str
    task: str
    task_title: str
    facts: Mapping[str, str]
    figure: str
    how_read: str
    protocol: str
    family: str = "sd14"
    count: int | None = None
    metrics: Sequence[str] = ()
    spread: str = ""
    remarks: Sequence[str] = ()
    renames: Mapping[str, str] = field(default_factory=dict)  # of metrics
    by_task: bool = False  # the facts' tasks are the columns

    def document(self, facts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the fields of the file, with its rows."""
        chosen = [fact for fact in facts if self._takes(fact)]
        rows = [self._row(fact) for fact in chosen]
        columns = {row["metric"]: self._column(fact) for row, fact in zip(rows, chosen, strict=True)}
        ours = {row["method"]: OURS[row["method"]] for row in rows if row["method"] in OURS}
        head = {
            name: getattr(self, name)
            for name in ("paper", "title", "task", "task_title", "family", "figure", "how_read", "protocol", "spread")
        }
        said = {"remarks": list(self.remarks), "exact": True, "ours": ours, "columns": columns}
        return {**head, **said, "rows": rows}

    def _takes(self, fact: Mapping[str, Any]) -> bool:
        taken = fact["paper"].startswith(self.source) and fact["task"] in self.facts and fact["verified"]
        return bool(taken) and (not self.metrics or fact["metric"] in self.metrics)

    def _row(self, fact: Mapping[str, Any]) -> dict[str, Any]:
        row = {
            "method": fact["method"] if self.by_task else f"{self.facts[fact['task']]}{fact['method']}",
            "num_edits": self.count or fact["num_edits"],
            "metric": self._metric(fact),
            "value": fact["value"],
            "evidence": "digitised" if fact["evidence"] == "digitised" else "printed",
            "verified": True,
        }
        return row | ({"uncertainty": fact["uncertainty"]} if fact.get("uncertainty") is not None else {})

    def _metric(self, fact: Mapping[str, Any]) -> str:
        if self.by_task:
            return self.facts[fact["task"]]
        name = self.renames.get(fact["metric"], fact["metric"])
        found = FORM.fullmatch(name)
        if not found:
            return str(name)
        return f"{found['name']} ({found['what']})" if found["what"] else str(found["name"])

    def _column(self, fact: Mapping[str, Any]) -> dict[str, str]:
        named = self.renames.get(fact["metric"], fact["metric"])
        return {"unit": UNITS.get(fact["unit"], fact["unit"]), "better": direction(named)}


def direction(metric: str) -> str:
    """Say which direction is better, by the paper's word or the metric's name; "" where neither tells.

    >>> direction("Acc_e (lower better)"), direction("MS-COCO CLIP score"), direction("share of images")
    ('lower', 'higher', '')
    """
    if found := FORM.fullmatch(metric):
        return found["better"]
    name = metric
    for prefix in LONGER:
        name = name.removeprefix(prefix)
    if metric.startswith(FALLS) or name.startswith(("FID", "fid", "lpips", "total", "computation")):
        return "lower"
    return "higher" if name.startswith((*RISES, "clip")) else ""


def documents(facts: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each table's file name and its fields.

    Raises:
        ValueError: a table takes no fact.
    """
    for file, fields in tomllib.loads(TABLES.read_text(encoding="utf-8")).items():
        table = PaperTable(file, **fields)
        document = table.document(facts)
        if not document["rows"]:
            raise ValueError(f"{table.file}: no fact of {table.source} on {', '.join(table.facts)}")
        yield f"{table.file}.toml", document
