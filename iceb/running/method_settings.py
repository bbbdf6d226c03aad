"""Sort settings by method: METHOD.NAME=VALUE, or NAME=VALUE where there is one method."""

from collections.abc import Mapping, Sequence

from iceb.base.errors import SpecError
from iceb.base.messages import quote
from iceb.specs.runs import Scalar


def settings_by_method(methods: Sequence[str], settings: Mapping[str, Scalar]) -> dict[str, dict[str, Scalar]]:
    """Sort settings by the method that they are of; a method's dashes stand as underscores in them.

    Raises:
        SpecError: a setting of none of the methods, or of no named one where there are several.

    >>> settings_by_method(["uce", "emcid-ns"], {"emcid_ns.steps": 5})
    {'uce': {}, 'emcid-ns': {'steps': 5}}
    """
    found: dict[str, dict[str, Scalar]] = {method: {} for method in methods}
    for name, value in settings.items():
        owner, dot, rest = name.partition(".")
        owners = [method for method in methods if method.replace("-", "_") == owner] if dot else methods
        if len(owners) != 1:
            raise SpecError(
                f"`settings` {quote(name)}: with several methods write METHOD.NAME=VALUE, METHOD one of "
                f"{', '.join(methods)}"
            )
        found[owners[0]][rest if dot else name] = value
    return found
