"""What was drawn for one side of a run: prompts and the keys of their pictures, in order, and as a file."""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from iceb.base.errors import ResultError
from iceb.base.files import write_atomic
from iceb.specs.prompts import Prompt, Role
from iceb.stores.images import ImageKey

Side = Literal["before", "after"]
FILE = "images.jsonl"


@dataclass
class Ledger:
    """Prompts and picture keys of one side; entry i of each belongs together."""

    prompts: list[Prompt] = field(default_factory=list)
    keys: list[ImageKey] = field(default_factory=list)

    def add(self, prompts: Sequence[Prompt], keys: Sequence[ImageKey]) -> None:
        """Enter pictures that were drawn."""
        self.prompts.extend(prompts)
        self.keys.extend(keys)

    def of(self, roles: Iterable[Role]) -> "Ledger":
        """The entries of some roles, role by role: a role's pictures stay together, whatever else was drawn."""
        chosen = [place for role in sorted(roles) for place, prompt in enumerate(self.prompts) if prompt.role == role]
        return Ledger([self.prompts[place] for place in chosen], [self.keys[place] for place in chosen])


def write_ledgers(folder: Path, before: Ledger, after: Ledger) -> None:
    """images.jsonl: one line a picture; with the store it is enough to compute every score again.

    Raises:
        StoreError: the folder cannot be written.
    """
    sides: tuple[tuple[Side, Ledger], ...] = (("before", before), ("after", after))
    lines = [
        json.dumps({"side": side, "key": key, **dataclasses.asdict(prompt)}, ensure_ascii=False)
        for side, ledger in sides
        for prompt, key in zip(ledger.prompts, ledger.keys, strict=True)
    ]
    write_atomic(folder / FILE, "".join(f"{line}\n" for line in lines).encode())


def read_ledgers(folder: Path) -> tuple[Ledger, Ledger]:
    """Before and after, as `write_ledgers` wrote them.

    Raises:
        ResultError: the file is missing or is not such a file.
    """
    path = folder / FILE
    sides: dict[str, Ledger] = {"before": Ledger(), "after": Ledger()}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ResultError(
            f"{path} cannot be read ({error}): name a run's folder, as iceb evaluate prints it"
        ) from error
    for number, line in enumerate(lines, start=1):
        try:
            row: dict[str, Any] = json.loads(line)
            side, key = row.pop("side"), row.pop("key")
            sides[side].add([Prompt(**row)], [key])
        except (ValueError, KeyError, TypeError) as error:
            raise ResultError(f"{path} line {number}: not a line of a run ({error})") from error
    return sides["before"], sides["after"]
