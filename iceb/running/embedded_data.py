"""Data that ship with iceb and that methods read: their content stands in the key of what was made with them."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import as_file, files

from iceb.base.digest import digest, digest_file
from iceb.base.errors import MethodError


@cache
def _captions() -> str:
    """The embedded caption corpus, whole: methods sample from all of it."""
    from iceb.mini.captions import corpus

    return digest(list(corpus()))


@cache
def _classifier() -> str:
    """The files of the embedded model's own classifier, and the names of its classes."""
    from iceb.mini.world import class_names

    with as_file(files("iceb").joinpath("mini", "weights", "vit")) as folder:
        weights = [(path.name, digest_file(path)) for path in sorted(folder.iterdir())]
    return digest({"weights": weights, "names": list(class_names())})


PACKAGED: Mapping[str, Callable[[], str]] = {"captions:embedded": _captions, "classifier:embedded": _classifier}


def packaged_digest(method: str, name: str) -> str:
    """The digest of the data of a name that a method's card `reads`.

    Raises:
        MethodError: there are no such data.
    """
    if name not in PACKAGED:
        raise MethodError(f"method {method}: its card reads {name!r}, which does not exist: {', '.join(PACKAGED)} do")
    return PACKAGED[name]()
