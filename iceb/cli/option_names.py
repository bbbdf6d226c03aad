"""Replace fields that a message names by the command line's options (see `iceb.base.errors`)."""

import logging
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

FIELD = re.compile(r"`([a-z][a-z0-9_]*)(?:=([^`]*))?`")
SAMPLING = ("guidance", "scheduler", "steps")  # with a value these are settings: methods have some of these names too
OPTIONS = {  # by the field's name
    "settings": "--set",
    "metrics": "--metric",
    "outs": "--runs",
    "with_tasks": "--with",
    **{
        name: f"--{name.replace('_', '-')}"
        for name in (
            *("add", "benchmarks", "cache", "concepts_at_once", "data", "dest", "device", "draws", "dtype", "folder"),
            *("form", "replicates", "images", "before", "draw_before", "name", "checkpoint", "erases", "method"),
            *("full", "gone", "images_per_pass", "limit", "model", "noise", "num_edits", "out", "precision", "recipe"),
            *(
                "launch",
                "ray",
                "submit",
                "shard",
                "budget",
                "requests",
                "role",
                "rows",
                "share",
                "source",
                "sweep",
                "task",
                "without",
                "workers",
            ),
            *("hub_dataset", "organization", "project", "relationship", "space", "trials", "limit_seconds"),
            *("alpha", "check", "counts", "detect", "level", "power", *SAMPLING),
            *("card_memory", "edits", "image_bytes", "price", "tflops"),
        )
    },
}


def with_options(message: str) -> str:
    """Replace each field that a message names by its option.

    Any other `name=value` is a method's setting.

    >>> with_options("`num_edits` 0: must be at least 1")
    '--num-edits 0: must be at least 1'
    >>> with_options("use `dtype=float16`, or `layers=[7, 8]`; run `iceb data fetch aice` first")
    "use --dtype float16, or --set 'layers=[7, 8]'; run `iceb data fetch aice` first"
    """
    return FIELD.sub(lambda found: _option(found[1], found[2]) or found[0], message)


def _option(field: str, value: str | None) -> str:
    """The option that sets a field, with its value; "" where none does."""
    option = OPTIONS.get(field, "")
    if value is None:
        return option
    if not option or field in SAMPLING:
        return f"--set {shlex.quote(f'{field}={value}')}"
    return f"{option} {shlex.quote(value)}"


class _WithOptions(logging.Filter):
    """Rewrites what the library logs, and drops nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = with_options(record.getMessage()), ()
        return True


@contextmanager
def options_in_log() -> Iterator[None]:
    """Name options in the library's log messages inside the block."""
    log, rewriting = logging.getLogger("iceb"), _WithOptions()
    log.addFilter(rewriting)
    try:
        yield
    finally:
        log.removeFilter(rewriting)
