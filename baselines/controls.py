"""Controls shown in every table: the unedited model, a rewritten prompt, a negative prompt.

None of them learns anything or changes a weight. Their prompts are rewritten by the core when images are drawn, so
`prompt_swap` draws with the unedited model and shares its images with everything else that does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from iceb.specs.method_cards import read_card
from iceb.specs.methods import Bundle, Edit, MethodCard, MethodContext
from iceb.specs.requests import EditRequest


@dataclass(frozen=True)
class Unedited:
    """The floor: an empty edit, so every measured change must be exactly zero."""

    card: ClassVar[MethodCard] = read_card(__file__, "cards/unedited.md")

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """An empty edit."""
        return Edit()


@dataclass(frozen=True)
class PromptSwap:
    """The ceiling: the prompt names the destination in place of the source and its aliases.

    What it shows is how well the model draws the destinations: a weight edit can hardly do better.
    It reads only words: "mask" in "ski mask" is rewritten as well, so its holdout is not exactly zero. A destination
    that holds a source's name ("sea lion", when "lion" is a source) is known to it, and stays. Names grown into another
    word ("shipwreck") are not found.

    Attributes:
        aliases: rewrite aliases too; False rewrites the source's name alone.
    """

    aliases: bool = True

    card: ClassVar[MethodCard] = read_card(__file__, "cards/prompt_swap.md")

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """Rewrite source → dest and alias → dest, and dest → dest so that a dest is never taken apart.

        Without a destination the names are left out of the prompt.
        """
        dests = {request.id: request.dest if request.dests else "" for request in requests}
        kept = {dest: dest for dest in dests.values() if dest}
        other = {alias.strip(): dests[request.id] for request in requests for alias in request.aliases if self.aliases}
        named = {request.source: dests[request.id] for request in requests}
        return Edit(rewrites={**kept, **other, **named})


@dataclass(frozen=True)
class NegativePrompt:
    """A cheap control: the negative prompt, which guidance steers away from, lists the sources.

    It forgets at best; nothing leads to a destination. CLIP reads 77 tokens and the rest is cut off, so with many
    requests only the first names (23 of AICE's) have any effect: that is the trick's own limit, and is measured
    as such.
    """

    card: ClassVar[MethodCard] = read_card(__file__, "cards/negative_prompt.md")

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """The sources as one negative prompt, in request order."""
        return Edit(negative_prompt=", ".join(request.source for request in requests))
