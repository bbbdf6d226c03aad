"""A method given by its registered name, as a class, or as an object with its settings.

A class that no package registers runs like any other. Its results say so (`package` "unregistered"), and no leaderboard
takes them, since nobody else can name the method.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeAlias

from iceb import registry
from iceb.base.errors import IcebError, SpecError
from iceb.base.messages import quote
from iceb.registry import Registered
from iceb.running.method_runner import ChosenMethod, make_chosen
from iceb.specs.methods import MethodCard
from iceb.specs.outside import UNREGISTERED

GivenMethod: TypeAlias = str | Any  # a name; or a class, or an object of it, that implements `EditMethod`
NEEDS = "a method is a dataclass with a `MethodCard` as its card, and edit(bundle, requests, *, context)"


@dataclasses.dataclass(frozen=True)
class Given:
    """A method as it was given.

    Attributes:
        entry: where it is registered, or a stand-in.
        kind: its class; None for a name, whose class is imported when it is needed.
        settings: those of an object; none of a name or a class.
    """

    entry: Registered
    kind: type | None = None
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def is_object(self) -> bool:
        """Whether an object with settings was given."""
        return bool(self.settings)

    def load(self) -> Any:
        """The method's class."""
        return self.kind or self.entry.load()

    def choose(self, settings: Mapping[str, Any], recipe: str = "") -> ChosenMethod:
        """The method with its own settings and these over them.

        Raises:
            SpecError: no such setting, or a value of the wrong kind.
            MethodError: the method refuses the settings, or its card has another name than its entry point.
        """
        return make_chosen(self.entry, self.load(), {**self.settings, **settings}, recipe)


def find_given(method: GivenMethod) -> Given:
    """Find the entry of a method that was given by name, as a class or as an object.

    Raises:
        SpecError: no such name, no method, or a card with the name of another method.
    """
    if isinstance(method, str):
        return Given(registry.find("methods", method))
    kind = method if isinstance(method, type) else type(method)
    _refuse_no_method(kind)
    own = {} if method is kind else {each.name: getattr(method, each.name) for each in dataclasses.fields(kind)}
    settings = {each.name: own[each.name] for each in dataclasses.fields(kind) if each.init and own}
    return Given(_entry_of(kind), kind, settings)


def _refuse_no_method(kind: type) -> None:
    wanting = not dataclasses.is_dataclass(kind) or not isinstance(getattr(kind, "card", None), MethodCard)
    if wanting or not callable(getattr(kind, "edit", None)):
        raise SpecError(f"`method` {quote(kind.__qualname__)}: is no method: {NEEDS}")


def _entry_of(kind: type) -> Registered:
    """The entry that registers a class, or a stand-in where none does."""
    name: str = kind.card.name  # type: ignore[attr-defined]
    place = f"{kind.__module__}:{kind.__qualname__}"
    same = [entry for entry in registry.entries_of("methods") if entry.name == name]
    for entry in same:
        if entry.place == place or _loads(entry) is kind:
            return entry
    if same:
        raise SpecError(
            f"`method` {quote(place)}: its card has the name of {same[0].full_name}, another method: rename the card"
        )
    return Registered("methods", name, UNREGISTERED, "0", place)


def _loads(entry: Registered) -> Any:
    try:
        return entry.load()
    except IcebError:
        return None
