"""Where files lie that are no part of the project: the authors' parity vectors and the upstream data.

They are looked for in the folder that an environment variable names, then in `shared` beside the checkout. Tests that
need them skip where neither is; tests/vectors holds vectors of our own making, which are always there.
"""

import os
from pathlib import Path

SHARED = Path(__file__).parents[2] / "shared"
PARITY, DATA = "ICEB_PARITY", "ICEB_DATA"
NAMED = {variable: os.environ.get(variable, "") for variable in (PARITY, DATA)}  # before tests change the environment


def parity_folder() -> Path:
    """The folder of parity vectors, whether it exists or not."""
    return _path_from(PARITY) or SHARED / "parity"


def upstream_data() -> Path:
    """The folder that holds upstream's iceb_data, whether it exists or not.

    The variable may name that folder, iceb_data itself, or a checkout of the upstream repository, as for `--data`.
    """
    named = _path_from(DATA) or SHARED / "data" / "emcid"
    places = (named, named / "data", named.parent if named.name == "iceb_data" else named)
    return next((place for place in places if (place / "iceb_data").is_dir()), named / "iceb_data")


def published_facts() -> Path:
    """The list that baselines/published/emcid.toml is generated from."""
    return SHARED / "specs" / "published.json"


def _path_from(variable: str) -> Path | None:
    return Path(NAMED[variable]).expanduser() if NAMED[variable] else None
