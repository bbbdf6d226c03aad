"""A command whose help lists its options under several headings, as the plain help of typer does not."""

from typing import Any

from typer.core import TyperCommand

# The headings, in the order of the help; an option names its own by `rich_help_panel`.
EDITED = "What to edit"
SIZE = "Size"
SETTINGS = "The method's settings"
METRICS = "Metrics"
DRAWING = "Drawing"
COMPUTING = "Computing"
OUTPUT = "Output"
REST = "Options"  # those that name none
HEADINGS = (EDITED, SIZE, SETTINGS, METRICS, DRAWING, COMPUTING, OUTPUT, REST)


class GroupedCommand(TyperCommand):
    """A command with a heading above each group of its options."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options below their headings."""
        found: dict[str, list[tuple[str, str]]] = {heading: [] for heading in HEADINGS}
        for option in self.get_params(ctx):
            if (record := option.get_help_record(ctx)) is not None:
                found[getattr(option, "rich_help_panel", None) or REST].append(record)
        for heading, records in found.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)
