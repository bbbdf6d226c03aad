"""Digests of data in the package that methods read; keys of their edits contain them."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import as_file, files

from iceb.base.digest import digest, digest_file
from iceb.base.errors import MethodError


@cache
def _captions() -> str:
    """Digest the embedded caption corpus as a whole, because methods sample from all of it."""
    from iceb.mini.captions import corpus

    return digest(list(corpus()))


@cache
def _classifier() -> str:
    """Digest the embedded model's classifier and its class names."""
    from iceb.mini.world import class_names

    return digest({"weights": _weights("vit"), "names": list(class_names())})


@cache
def _clip() -> str:
    """Digest the embedded model's CLIP twin."""
    return digest(_weights("clip"))


def _weights(name: str) -> list[tuple[str, str]]:
    with as_file(files("iceb").joinpath("mini", "weights", name)) as folder:
        return [(path.name, digest_file(path)) for path in sorted(folder.iterdir())]


PACKAGED: Mapping[str, Callable[[], str]] = {
    "captions:embedded": _captions,
    "classifier:embedded": _classifier,
    "clip:embedded": _clip,
}


def packaged_digest(method: str, name: str) -> str:
    """Return the digest of packaged data that a method's card names in `reads`.

    Raises:
        MethodError: there are no such data.
    """
    if name not in PACKAGED:
        raise MethodError(f"method {method}: its card reads {name!r}, which does not exist: {', '.join(PACKAGED)} do")
    return PACKAGED[name]()
