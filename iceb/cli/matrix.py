"""Options of `iceb evaluate` that may hold several values: one run, or a sweep of them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iceb.base.comma_lists import split_list
from iceb.cli.grouped_help import EDITED
from iceb.cli.values import parse_count

if TYPE_CHECKING:
    from iceb.running.sweeps.sweep_file import SweepFile

SEVERAL = "or several, separated by commas"


@dataclass(frozen=True)
class Asked:
    """Options that say what is edited, and by what."""

    method: Annotated[
        str | None,
        typer.Option(help=f"What edits the model, {SEVERAL}: iceb list methods.", rich_help_panel=EDITED),
    ] = None
    task: Annotated[
        str | None,
        typer.Option(help=f"What is edited and measured, {SEVERAL}: iceb list tasks.", rich_help_panel=EDITED),
    ] = None
    num_edits: Annotated[
        str | None,
        typer.Option(
            metavar="N[,N…]",
            help=f"How many concepts are edited at once, {SEVERAL}, as in 1,10,100.",
            rich_help_panel=EDITED,
        ),
    ] = None
    requests: Annotated[
        Path | None,
        typer.Option(
            help="Instead of --task: a file of your own concepts, JSON or CSV rows of source, dest, prompts …",
            rich_help_panel=EDITED,
        ),
    ] = None
    sweep: Annotated[
        Path | None,
        typer.Option(
            help="Instead of these: a TOML file of methods, tasks, num_edits … (docs/sweeps.md).",
            rich_help_panel=EDITED,
        ),
    ] = None
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="The time that a sweep's plan may take, as in 2h: --share is then chosen so that it fits.",
            rich_help_panel=EDITED,
        ),
    ] = None
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="Instead of --method: the folder of a model that was edited elsewhere.", rich_help_panel=EDITED
        ),
    ] = None
    name: Annotated[
        str | None,
        typer.Option(help="With --checkpoint: what you call the editing method.", rich_help_panel=EDITED),
    ] = None
    erases: Annotated[
        bool,
        typer.Option(
            "--erases", help="With --checkpoint: the edit only erases, to no destination.", rich_help_panel=EDITED
        ),
    ] = False

    def method_name(self) -> str:
        """The method's registered name, or the name of the model from elsewhere.

        Raises:
            SpecError: none was named, or two were.
        """
        from iceb.specs.outside import editing_method

        return editing_method(self.method, self.checkpoint, self.name)

    def count(self) -> int | None:
        """The number of edits of a single run; None where none was given.

        Raises:
            SpecError: it is no whole number.
        """
        return None if self.num_edits is None else parse_count(self.num_edits)

    def matrix(self, recipe: str | None) -> "SweepFile | None":
        """The sweep that is asked for; None for a single run.

        Raises:
            SpecError: a sweep of what only a single run can have, or a sweep that lacks something.
        """
        from iceb.running.sweeps.sweep_file import SweepFile, read_sweep

        recipes = (recipe,) if recipe is None or Path(recipe).is_file() else split_list(recipe)
        methods, tasks, counts = map(split_list, (self.method, self.task, self.num_edits))
        is_single = all(len(each) < 2 for each in (methods, tasks, counts, recipes))
        if self.sweep is None and self.budget is None and is_single:
            return None
        self._refuse_single_things()
        if self.sweep is not None:
            self._refuse_twice(recipe)
            return self._with_budget(read_sweep(self.sweep))
        self._refuse_lacking()
        named = tuple(each for each in recipes if each is not None)
        return SweepFile(methods, tasks, tuple(map(parse_count, counts)), named, budget=self.budget)

    def _with_budget(self, file: "SweepFile") -> "SweepFile":
        """The file with the command's budget, where it has none.

        Raises:
            SpecError: both have one.
        """
        from iceb.cli.sweeping import refuse_twice

        refuse_twice("budget", file.budget, self.budget, None)
        return file if self.budget is None else replace(file, budget=self.budget)

    def _refuse_single_things(self) -> None:
        from iceb.base.errors import SpecError

        if self.checkpoint is not None:
            raise SpecError("--checkpoint: is one edited model, with one task and one number of edits: no sweep")
        if self.name is not None:
            raise SpecError(f"--name {self.name}: is for --checkpoint; a method has its own name")
        if self.erases:
            raise SpecError("--erases: is for --checkpoint; of a method, its card says whether it only erases")
        if self.requests is not None:
            raise SpecError("--requests: is for one run; iceb try compares several methods on requests of your own")

    def _refuse_twice(self, recipe: str | None) -> None:
        from iceb.base.errors import SpecError

        given = {"--method": self.method, "--task": self.task, "--num-edits": self.num_edits, "--recipe": recipe}
        if twice := [option for option, value in given.items() if value is not None]:
            raise SpecError(f"--sweep and {twice[0]} both say what is run: leave one of them out")

    def _refuse_lacking(self) -> None:
        from iceb.base.errors import SpecError

        given = {"--method": self.method, "--task": self.task, "--num-edits": self.num_edits}
        if lacking := [option for option, value in given.items() if value is None]:
            raise SpecError(f"a sweep needs {', '.join(given)}: {lacking[0]} is missing")
