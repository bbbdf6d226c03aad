"""The error classes of ICEB, by who can fix the mistake; each class has its exit code.

A message says what was wrong, what was got, what is allowed and what to do, in one line.
A field of what was asked stands in it as `num_edits`, a value to give as `retain_file=FILE`; the command line writes
the option that sets it there, and everything else as it is.
"""

from typing import ClassVar

from iceb.base.messages import one_line


class IcebError(Exception):
    """Any mistake ICEB can explain; the command line prints the message and exits with `exit_code`.

    The message becomes one printable line of bounded length, whatever was quoted in it.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class SpecError(IcebError, ValueError):
    """Asked wrongly: an unknown name, a value outside its bounds, a field that does not exist.

    Also a ValueError, so that pydantic reports it with the place of the field.
    """


class DataError(IcebError):
    """A data file is missing, malformed, truncated or not the one its card declares."""


class NotInDataError(DataError):
    """Data that are whole do not have what is asked of them: as many edits, files of that origin."""


class ModelError(IcebError):
    """A model is unknown, cannot be loaded, or is not laid out as its family is."""


class MethodError(IcebError):
    """A method cannot do what was asked, or returned an edit that does not fit the model."""


class MeasureError(IcebError):
    """A measure crashed or gave numbers that are not finite."""

    exit_code = 1


class StoreError(IcebError):
    """The cache or the output folder cannot be read or written: no permission, no space, a damaged file."""


class UnreachableError(StoreError):
    """The URL of the cache does not answer now: the same command goes on later."""

    exit_code = 75  # EX_TEMPFAIL: job scripts submit such a job again


class ResultError(IcebError):
    """A result file is malformed, of an unknown schema, or not fit for a leaderboard."""


class CheckFailed(IcebError):
    """A check ran and found a difference, for example a leaderboard page that is not up to date."""

    exit_code = 1
