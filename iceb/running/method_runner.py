"""A registered method with its settings: find it, apply settings, and get its edits through the store."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from iceb import registry
from iceb.base.digest import digest
from iceb.base.errors import IcebError, MethodError
from iceb.base.fields import defaults_of, differing
from iceb.base.frames import attribute_errors
from iceb.models.bundle import ModelBundle
from iceb.models.environment import environment, model_key
from iceb.running.code_digest import code_digest
from iceb.running.edit_maker import make_edit
from iceb.running.embedded_data import packaged_digest
from iceb.running.memory_fit import fit_execution
from iceb.running.method_context import judge_keys, judges_of, method_context
from iceb.running.request_kinds import refuse_requests
from iceb.running.setting_types import fit_settings, fitting_value
from iceb.running.setting_values import params_of
from iceb.specs.execution import DEFAULT, Execution
from iceb.specs.methods import MethodCard, MethodContext, Scratch
from iceb.specs.records import MethodRecord
from iceb.specs.requests import EditRequest
from iceb.specs.runs import MeasureRef, ModelRef, Precision, Scalar
from iceb.stores.edits import EditKey, EditStore, MadeEdit
from iceb.stores.scratch import ScratchStore


@dataclass(frozen=True)
class ChosenMethod:
    """A method with its settings, its entry point and its recipe."""

    entry: registry.Registered
    method: Any  # an EditMethod
    recipe: str  # "emcid/aice", a file, or "" for the method's own defaults
    recipe_sha256: str = ""
    recipe_how: str = ""  # how the recipe's settings were chosen
    part: str = ""  # which of the recipe's settings, in words: "published", "tuned for mini"
    changed: tuple[str, ...] = ()  # settings that differ from the shipped recipe or the defaults
    by_num_edits: tuple[str, ...] = ()  # settings that the recipe has by the number of edits

    @property
    def card(self) -> MethodCard:
        """The method's card."""
        card: MethodCard = self.method.card
        return card

    def compare_to(self, settings: Mapping[str, Any]) -> "ChosenMethod":
        """Return a copy whose `changed` lists fields that differ from `settings`, or else the defaults."""
        kind = type(self.method)
        fitting = {name: fitting_value(self.card.name, kind, name, value) for name, value in settings.items()}
        now = {field.name: getattr(self.method, field.name) for field in dataclasses.fields(kind)}
        return replace(self, changed=tuple(differing(now, {**defaults_of(kind), **fitting})))

    @cached_property
    def params(self) -> dict[str, Scalar]:
        """Every setting, defaults included; files and models by their content (`params_of`).

        Read once, so that a run keeps its name. A file that was moved gives the same name, a changed one another.

        Raises:
            MethodError, DataError: as `params_of`.
        """
        return params_of(self.method)

    @cached_property
    def judges(self) -> dict[str, MeasureRef]:
        """The measures that the settings name, by registered name.

        Raises:
            MethodError, SpecError: as `judges_of`.
        """
        return judges_of(self.method)

    @cached_property
    def code(self) -> str:
        """Digest of the method's code, its card's `key_fields` and the packaged data it reads, 64 hex digits.

        Raises:
            MethodError: as `packaged_digest`.
        """
        return digest({"method": self._code_and_data, "card": self.card.key_fields})

    @cached_property
    def _code_and_data(self) -> str:
        reads = {name: packaged_digest(self.card.name, name) for name in self.card.reads}
        kind: type = type(self.method)
        return digest({"code": code_digest(kind, self.entry.package), "reads": reads})

    @property
    def record(self) -> MethodRecord:
        """Make the record of the method for a result or a saved edit."""
        return MethodRecord(
            name=self.card.name,
            version=self.card.version,
            package=self.entry.package,
            package_version=self.entry.package_version,
            code=self.code,
            paper=self.card.paper,
            recipe=self.recipe,
            recipe_sha256=self.recipe_sha256,
            recipe_how=self.recipe_how,
            recipe_part=self.part,
            params=self.params,
            judges=self.judges,
            changed={name: self.params[name] for name in self.changed},
            by_num_edits=self.by_num_edits,
            fidelity=self.card.fidelity,
            reaches_dest=self.card.reaches_dest,
        )

    def check(self, ref: ModelRef) -> None:
        """Ask the method's `check`, if any, whether these settings work on this model; nothing is loaded.

        Raises:
            IcebError: they cannot.
        """
        _ = self.judges  # an unregistered name is refused here
        asked = getattr(self.method, "check", None)
        if asked is not None:
            with attribute_errors(MethodError, f"the settings' check of method {self.card.name}"):
                asked(ref)

    def advice(self, ref: ModelRef) -> list[str]:
        """Return the method's advice, if any, on these settings and this model.

        Raises:
            MethodError: the method failed.
        """
        asked = getattr(self.method, "advice", None)
        with attribute_errors(MethodError, f"the advice of method {self.card.name}"):
            return [str(line) for line in asked(ref)] if asked is not None else []

    @property
    def origin(self) -> str:
        """Describe where the settings come from."""
        if not self.recipe:
            return self.part or "the method's own settings"
        return f"recipe {self.recipe}, {self.part}" if self.part else f"recipe {self.recipe}"

    def key(self, bundle: ModelBundle, requests: Sequence[EditRequest], precision: Precision = "float32") -> EditKey:
        """Return the key of an edit: method, code, settings with their files, model, and ordered requests."""
        return digest({**self._identity(bundle, precision), "params": self.params, "requests": list(requests)})

    def _identity(self, bundle: ModelBundle, precision: Precision) -> dict[str, Any]:
        return {
            "method": self.card.name,
            "version": self.card.version,
            "package": self.entry.package,
            "package_version": self.entry.package_version,
            "code": self.code,
            **model_key(bundle),
            "environment": environment(bundle),  # training reads images and floats of this machine
            "sampling": bundle.family.sampling,  # the default sampling of its training images
            "judges": judge_keys(self.judges, bundle.device),
            "precision": precision,
        }

    def scratch(self, bundle: ModelBundle, cache: Path, precision: Precision = "float32") -> ScratchStore:
        """Open the method's scratch store in a cache.

        Raises:
            MethodError: as `_scratch_owner`.
        """
        return ScratchStore(cache, self._scratch_owner(bundle, precision), self.params)

    def _scratch_owner(self, bundle: ModelBundle, precision: Precision) -> dict[str, Any]:
        """Return the owner of the scratch: the method itself, or the method that its card names.

        Raises:
            MethodError: that method has other code, so that a part could outlive the code that made it.
        """
        if not self.card.scratch_of:
            return self._identity(bundle, precision)
        owner = choose(self.card.scratch_of, {})
        if owner._code_and_data != self._code_and_data:
            raise MethodError(
                f"method {self.card.name}: its card's scratch_of names {owner.entry.full_name}, whose code is not its "
                "own: share with a method of the same package that reads the same data, or leave scratch_of empty"
            )
        return owner._identity(bundle, precision)

    def get_or_make_edit(
        self,
        bundle: ModelBundle,
        requests: Sequence[EditRequest],
        edits: EditStore,
        cache: Path,
        execution: Execution = DEFAULT,
        ready_seconds: float = 0.0,
    ) -> MadeEdit:
        """Return the edit of `requests` from the store, or make it now and store it after its checks.

        Args:
            ready_seconds: what went into the parts that it finds ready, which its own seconds count too.

        Raises:
            MethodError: the method's card does not name such requests' kind, the method failed, or what it returned
                does not fit the model.
            StoreError: the cache cannot be written.
        """
        refuse_requests(self.card, requests)
        key = self.key(bundle, requests, execution.precision)
        if (found := edits.read(key)) is not None:
            return replace(found, found=True)
        scratch = self.scratch(bundle, cache, execution.precision)
        fitted = fit_execution(execution, self.method, bundle, requests)
        context = self.context(bundle, scratch, fitted)
        made = make_edit(self.method, self.params, bundle, requests, context, scratch.withdraw)
        return edits.publish(key, replace(made, seconds=made.seconds + ready_seconds))

    def context(self, bundle: ModelBundle, scratch: Scratch, execution: Execution = DEFAULT) -> MethodContext:
        """Make the context that `edit` receives beside model and requests."""
        return method_context(self.card.name, self.judges, str(bundle.device), scratch, execution)


def choose(name: str, settings: Mapping[str, Any], recipe: str = "") -> ChosenMethod:
    """Return the registered method with these settings; fields that are not set keep their defaults.

    Raises:
        SpecError: no such method, no such setting, or a value of the wrong kind.
        MethodError: the method refuses the settings, or its card has another name than its entry point.
    """
    entry = registry.find("methods", name)
    return make_chosen(entry, entry.load(), settings, recipe, name)


def make_chosen(
    entry: registry.Registered, kind: Any, settings: Mapping[str, Any], recipe: str = "", name: str = ""
) -> ChosenMethod:
    """Return a method of this class with these settings, or raise as `choose`; messages call it `name`."""
    name = name or entry.name
    if problem := registry.name_problem(entry, kind.card.name):
        raise MethodError(f"method {entry.full_name}: {problem}")
    try:
        made = kind(**fit_settings(name, kind, settings))
    except IcebError:
        raise
    except (TypeError, ValueError) as error:
        raise MethodError(f"method {name} refuses its settings: {error}") from error
    return ChosenMethod(entry, made, recipe)
