"""The mark of results beside the benchmark: own requests, and what was made elsewhere."""

from typing import Literal

from iceb.specs.records import Record

OWN = "own"  # the task and the dataset of a user's own requests
ELSEWHERE = "elsewhere"  # the package of what was edited by other programs
Maker = Literal["", "images", "checkpoint"]
WORDS: dict[Maker, str] = {"": "", "images": "images from elsewhere", "checkpoint": "checkpoint from elsewhere"}


class OutsideRecord(Record):
    """The mark of a result that stands beside the benchmark's own runs."""

    own_requests: str = ""  # the file of a user's own requests, by its name; "" for those of a task
    made_by: Maker = ""  # what others handed in: images, or an edited model; "": the edit was made by the run
    source: str = ""  # the folder or file that was handed in, by its name
    missing: tuple[str, ...] = ()  # files of images that were not handed in; the result is then partial

    @property
    def words(self) -> str:
        """The mark in words, for tables and messages."""
        own = f"own requests ({self.own_requests})" if self.own_requests else ""
        return ", ".join(text for text in (own, WORDS[self.made_by]) if text)
