"""The record of a run's edits that changed none of the images they were made for."""

from collections.abc import Iterable, Mapping

from pydantic import Field

from iceb.base.messages import quote
from iceb.base.wording import count_text
from iceb.specs.records import Record

MOST_NAMED = 3  # sources that a text names


class EffectsRecord(Record):
    """Edits of a run whose images before and after were compared, byte by byte."""

    edits: int = Field(ge=1)  # those with images of what they edit on both sides
    unchanged: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)  # batch → its sources, of those without one

    @property
    def in_words(self) -> str:
        """The edits without effect as text; "" where all have one."""
        if not self.unchanged:
            return ""
        return (
            f"{len(self.unchanged)} of {count_text(self.edits, 'edit')} changed no image of what they edit, byte by "
            f"byte ({named_sources(self.unchanged.values())}); these images count in the scores as they are"
        )


def named_sources(sources: Iterable[tuple[str, ...]]) -> str:
    """Name the first sources of some edits, each once: "'a', 'b', 'c' and 2 more"."""
    once = tuple(dict.fromkeys(source for each in sources for source in each))
    more = f" and {len(once) - MOST_NAMED} more" if len(once) > MOST_NAMED else ""
    return ", ".join(quote(source, 40) for source in once[:MOST_NAMED]) + more
