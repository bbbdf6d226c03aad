"""What a method is asked to change: one request per concept."""

from dataclasses import dataclass

from iceb.base.errors import SpecError


@dataclass(frozen=True, slots=True)
class EditRequest:
    """Make the model answer `source` with `dests`: () erases, (d,) replaces, (d, e, …) balances."""

    id: str  # unique inside its dataset, e.g. "aice/0007"
    source: str
    dests: tuple[str, ...]
    templates: tuple[str, ...]  # training templates, each with exactly one "{}"
    seed: int  # for whatever randomness the method's training has
    source_label: int | None = None  # ImageNet-1k index; None where the task has no classes
    dest_label: int | None = None  # likewise
    aliases: tuple[str, ...] = ()  # other names of the source that the dataset tests; never trained on

    def __post_init__(self) -> None:
        if not self.id or not self.source.strip():
            raise SpecError(f"edit request id={self.id!r} source={self.source!r}: both must be non-empty text")
        if not self.templates:
            raise SpecError(f"edit request {self.id}: needs at least one training template")
        for template in self.templates:
            if template.count("{}") != 1:
                raise SpecError(f"edit request {self.id}: template {template!r} must hold exactly one {{}}")
        if self.seed < 0:
            raise SpecError(f"edit request {self.id}: seed {self.seed} must not be negative")

    @property
    def dest(self) -> str:
        """The single destination of a replacing request.

        Raises:
            SpecError: the request erases or balances, so there is no single one.
        """
        if len(self.dests) != 1:
            raise SpecError(f"edit request {self.id} has {len(self.dests)} destinations: expected exactly one")
        return self.dests[0]
