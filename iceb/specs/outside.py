"""The marks of a result beside the benchmark: own requests, models or images from elsewhere."""

from typing import Literal, TypeVar

from pydantic import Field

from iceb.base.errors import SpecError
from iceb.specs.records import Record

OWN = "own"  # the task and the dataset of a user's own requests
ELSEWHERE = "elsewhere"  # the package of what was edited by other programs
UNREGISTERED = "unregistered"  # the package of a method that was given as a class or an object, and that none registers
Named = TypeVar("Named")  # a method as it was given: its name, or a class or an object of it
Maker = Literal["", "images", "checkpoint"]
Before = Literal["", "not read", "drawn", "same", "handed in"]
WORDS: dict[Maker, str] = {"": "", "images": "images from elsewhere", "checkpoint": "checkpoint from elsewhere"}
KNOWN: tuple[Before, ...] = ("not read", "drawn", "same")  # ways in which ICEB can say what the images before are


class OutsideRecord(Record):
    """The mark of a result that stands beside the benchmark's own runs."""

    own_requests: str = ""  # the file of a user's own requests, by its name; "" for those of a task
    made_by: Maker = ""  # what others handed in: images, or an edited model; "": the edit was made by the run
    source: str = ""  # the folder or file that was handed in, by its name
    missing: tuple[str, ...] = ()  # files of images that were not handed in; the result is then partial
    before: Before = ""  # beside handed-in images, how those of the unedited model came about; "" of all other results
    before_unknown: int = Field(default=0, ge=0)  # of those handed in, how many the cache does not hold byte for byte
    of_other_prompts: int = Field(default=0, ge=0)  # images after that are another prompt's before, byte for byte

    @property
    def knows_before(self) -> bool:
        """Whether the images before are the unedited model's for all that ICEB can tell."""
        return self.made_by != "images" or self.before in KNOWN

    @property
    def words(self) -> str:
        """The mark in words, for tables and messages."""
        own = f"own requests ({self.own_requests})" if self.own_requests else ""
        parts = (own, WORDS[self.made_by], self.before_words, self.after_words)
        return ", ".join(text for text in parts if text)

    @property
    def before_words(self) -> str:
        """The way in which the images before came about, in words; "" where nobody else made images."""
        if self.made_by != "images" or self.before == "not read":
            return ""
        return {
            "drawn": "those before drawn here",
            "same": "those before handed in and byte-equal to those drawn here",
        }.get(self.before, f"those before handed in, {self.before_unknown} of them not known to be the model's")

    @property
    def after_words(self) -> str:
        """The number of images after the edit that are another prompt's before, in words; "" of none."""
        count = self.of_other_prompts
        return f"{count} of those after are another prompt's before, byte for byte" if count else ""


def editing_method(method: Named | None, checkpoint: object, name: str | None) -> Named | str:
    """The method that edits, or the name of the model from elsewhere.

    Raises:
        SpecError: none was named, or two were.
    """
    if method is None and checkpoint is None:
        raise SpecError("nothing to edit with: give `method`, or `checkpoint` with the folder of an edited model")
    if method is not None and checkpoint is not None:
        raise SpecError("`method` and `checkpoint` both say what edits: leave one of them out")
    if method is not None and name is not None:
        raise SpecError(f"`name` {name}: is for `checkpoint`; a method has its own name")
    return method if method is not None else name or "checkpoint"
