"""The interface of an editing method: its card, what it is given, and the edit it returns.

A method is a frozen dataclass: its fields are its settings (`--set field=value`, recipe keys, result params).
It never changes the model; the core applies its edit, and takes it back bit for bit.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias, get_args

from iceb.base.errors import MethodError, SpecError
from iceb.specs.checks import check_int, check_part
from iceb.specs.execution import DEFAULT, Execution
from iceb.specs.families import Family
from iceb.specs.metrics import Measure
from iceb.specs.passes import PassSize, PassSizes
from iceb.specs.prompts import NoiseDraw
from iceb.specs.requests import EditRequest
from iceb.specs.runs import ModelRef, Sampling, Scalar
from iceb.specs.tasks import Kind

if TYPE_CHECKING:
    import numpy as np
    import torch

    Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

Tensor: TypeAlias = Any  # a torch.Tensor; specs never import torch


# Fields of a card for people and for `iceb check`; all others decide the edit, and stand in its key.
NOT_IN_KEYS = frozenset(
    ("title", "paper", "fidelity", "edits", "formula", "notes", "variants", "deviations", "quick", "trains")
)

# How near a method is to what its authors' code computes. "faithful": all of it; "partial": some steps are left out;
# "variant": some steps are ours; "own": a reference row or a definition of ours, under no paper's name.
Fidelity = Literal["faithful", "partial", "variant", "own"]


@dataclass(frozen=True)
class MethodCard:
    """A method's declaration; the core checks `touches`, the rest makes its documentation page."""

    name: str
    version: int
    paper: str  # "arXiv:…", or "" for a control
    kinds: tuple[Kind, ...]
    touches: tuple[str, ...]  # fnmatch patterns of the parameters it may change; () for prompt-time methods
    deterministic: bool = True  # two calls on a CPU give the same bytes; a GPU may sum in another order
    files: tuple[str, ...] = ()  # settings that name a file; the file's content stands for it in every identity
    models: tuple[str, ...] = ()  # settings that name a model, a folder or OWNER/NAME@COMMIT; likewise
    reads: tuple[str, ...] = ()  # packaged data of iceb that `edit` may read, "captions:embedded"; likewise
    judges: tuple[str, ...] = ()  # settings that name a registered measure; its id and revision stand in the edit's key
    title: str = ""
    fidelity: Fidelity = "own"
    reaches_dest: bool = True  # False: an eraser; of a "replace" request it carries out the erasure alone
    trains: bool = False  # weights by gradient steps: to take a request out, the others are trained again
    edits: str = ""  # what it changes, in a phrase
    formula: str = ""  # what it computes, in plain text, with the equation's number
    notes: str = ""  # further sections of its page, markdown
    variants: tuple[tuple[str, str], ...] = ()  # ("variant=2025", "the last token alone, …")
    deviations: tuple[str, ...] = ()  # where it differs from the authors' code, and why
    scratch_of: str = ""  # a method whose kept parts this one shares, being built on it; "": its own
    quick: tuple[tuple[str, Scalar], ...] = ()  # settings with which an edit takes a second, for `iceb check`

    def __post_init__(self) -> None:
        check_part(self.name, "method card: name")
        check_int(self.version, f"method card {self.name}: version", 1, 2**31)
        if self.fidelity not in get_args(Fidelity):
            allowed = ", ".join(get_args(Fidelity))
            raise SpecError(f"method card {self.name!r}: fidelity {self.fidelity!r} is unknown; allowed are {allowed}")

    @property
    def key_fields(self) -> dict[str, Any]:
        """The fields that decide the edit, by name: a part of its key."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name not in NOT_IN_KEYS}


@dataclass(frozen=True)
class Edit:
    """The changes that a method computes; inert until applied.

    `weights` holds full new tensors by parameter name, `<component>.<state_dict name>`, component one of
    text_encoder, text_encoder_2, unet, vae; shapes and dtypes as the model's.

    `right` is for closed forms that multiply many weights by one matrix from the right, W' = W M. It says so beside the
    full tensors, which remain what is applied, and lets the edit be saved as M, a few MB. A method fills it with
    `right={"unet.*attn2.to_[kv].weight": M}`: M is float64, (d_in, d_in), and every changed weight that the pattern
    matches is `(W.double() @ M).to(W.dtype)`. Leave it empty where the weights do not share one M.
    """

    weights: Mapping[str, Tensor] = field(default_factory=dict)
    rewrites: Mapping[str, str] = field(default_factory=dict)  # prompt-time methods: phrase → phrase
    negative_prompt: str = ""
    log: Mapping[str, float] = field(default_factory=dict)  # the method's own diagnostics
    right: Mapping[str, Tensor] = field(default_factory=dict)  # fnmatch pattern of names in `weights` → M


class Bundle(Protocol):
    """The model as a method sees it: read anything, change nothing.

    What reads texts and draws images (`iceb.models.conditioning`, `iceb.models.drawing`) takes one as well.
    """

    @property
    def ref(self) -> ModelRef:
        """The weights' family, repository, revision and number format."""

    @property
    def family(self) -> Family:
        """The layout, and the defaults of drawing and measuring."""

    @property
    def pipeline(self) -> Any:
        """The diffusers pipeline, loaded on first use: .unet, .vae, .text_encoder, .tokenizer, .scheduler."""

    @property
    def device(self) -> "torch.device":
        """The device that the model is on."""

    @property
    def dtype(self) -> "torch.dtype":
        """The model's number format."""

    @property
    def pass_sizes(self) -> PassSizes:
        """The numbers of concepts or images in one pass."""

    @property
    def images_per_pass(self) -> PassSize:
        """The number of images in one pass of the denoiser."""

    @property
    def digest(self) -> str:
        """Digest of the weights as they are now, 64 hex digits."""

    @property
    def base_digest(self) -> str:
        """Digest of the weights as they were loaded, 64 hex digits."""

    @property
    def reads_as_loaded(self) -> bool:
        """Whether no applied edit changes a text encoder."""

    def verify(self, only: Collection[str] | None = None) -> None:
        """Raise a ModelError unless the components named, or all, are what the digest names."""

    def parameter(self, name: str) -> Tensor:
        """One parameter by its name, `<component>.<state_dict name>`."""

    def parameters_named(self, pattern: str) -> Mapping[str, Tensor]:
        """The parameters whose names match an fnmatch pattern."""

    def applied(self, edit: Edit) -> "AbstractContextManager[Bundle]":
        """The model with an edit in it, as a bundle; on leaving, every tensor is back bit for bit."""


class Scratch(Protocol):
    """A method's store of arrays between runs, one under each key.

    The store adds the method's code, the model, the machine and every setting to the key, so a key says which part of
    the work it is: of which request, of which layer. What does not change with every setting is kept under
    `depends_on`, so that another value of the others finds it there.
    """

    def depends_on(self, *settings: str) -> "Scratch":
        """A view of this store for parts that depend on these settings alone; without names, on none."""
        ...

    @property
    def texts(self) -> Any:
        """Text encoder states of unedited models, shared by all methods: a TextStateStore.

        Optional: with None, or in a test's stand-in that has no such attribute, nothing is kept of texts.
        """

    def array(self, key: Mapping[str, Any], compute: "Callable[[], Array]") -> "Array":
        """The array of a key, computed if there is none; all processes get the one stored first."""

    def get(self, key: Mapping[str, Any]) -> "Array | None":
        """The array of this key; None if there is none."""

    def put(self, key: Mapping[str, Any], array: "Array") -> None:
        """Keep an array; one already there stays."""


class ImageDrawer(Protocol):
    """Draws images of texts, as a run draws them: the bundle's rewrites and negative prompt count."""

    def __call__(
        self, bundle: Bundle, texts: Sequence[str], seeds: Sequence[NoiseDraw | int], sampling: Sampling | None = None
    ) -> "list[Array]":
        """One (H, W, 3) uint8 image for each text and seed; without `sampling`, as the model's family draws.

        A `NoiseDraw` in place of a seed is one image of a generator that several share.
        """
        ...


def _no_drawing(
    bundle: Bundle, texts: Sequence[str], seeds: Sequence[NoiseDraw | int], sampling: Sampling | None = None
) -> "list[Array]":
    raise MethodError("this context draws no images: give MethodContext one that does, draw=…")


def _no_judging(name: str) -> Measure:
    raise MethodError(f"this context loads no measure, and was asked for {name!r}: give MethodContext one, judge=…")


@dataclass(frozen=True)
class MethodContext:
    """Everything a method is given beside the model and the requests.

    `draw` takes the model as it is or with an edit applied (`with bundle.applied(edit) as edited`). `judge` takes the
    name of a registered measure that a setting holds which the card's `judges` names.
    """

    scratch: Scratch
    execution: Execution = DEFAULT
    draw: ImageDrawer = _no_drawing
    judge: Callable[[str], Measure] = _no_judging


class EditMethod(Protocol):
    """An algorithm that changes a model.

    It may also have `check(self, ref: ModelRef) -> None`. A plan calls that before any weight is loaded: raise an
    IcebError there if these settings cannot work on this model, say because a file is missing. And it may have
    `advice(self, ref: ModelRef) -> Sequence[str]`, what to know before editing with settings that work, a line each:
    for example that nothing is preserved. Plans print it.
    """

    card: ClassVar[MethodCard]

    def edit(self, bundle: Bundle, requests: Sequence[EditRequest], *, context: MethodContext) -> Edit:
        """The edit that carries out all `requests` at once; no requests, an empty edit."""
        ...
