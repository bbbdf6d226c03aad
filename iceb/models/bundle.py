"""ModelBundle: a text-to-image model that can be edited and restored bit for bit."""

import copy
import fnmatch
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from iceb.base.digest import digest, digest_tensor
from iceb.base.errors import ModelError
from iceb.models.card import images_that_fit
from iceb.models.editable_pipeline import EditablePipeline, unknown_parameter
from iceb.models.families import FAMILIES
from iceb.models.loading import DTYPES, choose_device
from iceb.models.memory import PassSize, PassSizes
from iceb.models.sources import Source
from iceb.models.state import State, model_changes
from iceb.models.text_memory import KeptTexts, TextMemory
from iceb.specs.families import Family
from iceb.specs.methods import Edit
from iceb.specs.runs import Dtype, ModelRef


class ModelBundle:
    """A text-to-image model: pipeline, parameters by name, and edits that leave no trace.

    Attributes:
        ref: family, repository, revision and number format.
        family: layout and defaults.
        device: where it runs, torch.device.
        dtype: its number format, torch.dtype.
        digest: what names the weights as they are now, 64 hex digits.
        reads_as_loaded: whether the text encoders are untouched by edits.
        rewrites: phrases that the applied edit rewrites in every prompt.
        negative_prompt: the applied edit's negative prompt.
        pass_sizes: how many images, or concepts, go through one pass.

    Args:
        source: which model.
        device: "auto", "cpu", "cuda", "cuda:1" …
        images_per_pass: through the denoiser while images are drawn; None: as the family has it or a GPU holds.
    """

    def __init__(self, source: Source, device: str = "auto", images_per_pass: int | None = None) -> None:
        self._core = EditablePipeline(source, choose_device(device))
        self.ref: ModelRef = source.ref
        self.family: Family = source.family
        self.device = self._core.device
        self.dtype = DTYPES[source.ref.dtype]
        self.digest = source.digest
        self.reads_as_loaded = True
        self.rewrites: Mapping[str, str] = {}
        self.negative_prompt = ""
        self._depth = 0  # edits applied under this digest
        self.pass_sizes = PassSizes()
        self._text_memory = TextMemory()
        self.text_changes: Mapping[str, str] = {}  # digest of each weight of a text encoder that edits have changed
        self._images_per_pass = images_per_pass

    @classmethod
    def of_pipeline(cls, pipeline: Any, family: Family = FAMILIES["mini"]) -> "ModelBundle":
        """A bundle around a pipeline that is already in memory; its digest is that of every parameter."""
        names = {torch_dtype: name for name, torch_dtype in DTYPES.items()}
        dtype: Dtype = names[pipeline.unet.dtype]  # type: ignore[assignment]
        source = Source(family, ModelRef(family.name, "memory", "memory", dtype), None)
        bundle = cls(source, str(pipeline.unet.device))
        bundle._core.take(pipeline)
        content = digest({name: digest_tensor(value) for name, value in bundle._core.parameters.items()})
        bundle.ref = ModelRef(family.name, "memory", content, dtype)
        bundle._core.source = Source(family, bundle.ref, None)
        bundle.digest = bundle.base_digest
        return bundle

    @property
    def pipeline(self) -> Any:
        """The diffusers pipeline, as edited; loaded when first asked for.

        Raises:
            ModelError: the model cannot be loaded, or is not edited now as this bundle says.
        """
        self._require_current()
        return self._core.pipeline

    @property
    def images_per_pass(self) -> PassSize:
        """The number of images in one pass of the denoiser as they are drawn; a GPU's is tried out first."""
        size = self._images_per_pass or self.family.images_per_pass(self.device.type)
        if self.fits_the_card:
            size = self.pass_sizes.fit(size, lambda: images_that_fit(self))
        return self.pass_sizes.of("images_per_pass", size)

    @property
    def fits_the_card(self) -> bool:
        """Whether drawing passes are fitted to a GPU's memory, as nobody asked for a number of images."""
        return self.device.type == "cuda" and self._images_per_pass is None

    def kept_texts(self, modes: Mapping[str, Any]) -> KeptTexts | None:
        """The known states of texts, for a reader of the model as it is now; None on a GPU.

        Args:
            modes: torch's, as `environment` names them.
        """
        return KeptTexts(self._text_memory, self.text_changes, modes) if self.device.type == "cpu" else None

    def expect_edits_from(self, layer: int | None) -> None:
        """Say which layer of a text encoder the next edits will change first.

        It decides which states are kept of texts, and so how much an edited model reads again, and nothing else.

        Args:
            layer: 0 for none, None where it is not known.
        """
        self._text_memory.expected = layer

    @property
    def base_digest(self) -> str:
        """Digest of the weights as they were loaded, 64 hex digits."""
        return self._core.source.digest

    @property
    def is_loaded(self) -> bool:
        """Whether the weights are in memory."""
        return self._core.loaded is not None

    def parameter(self, name: str) -> Tensor:
        """One parameter as it is now, without gradient; not to be written to.

        Raises:
            ModelError: the model has no parameter of this name.
        """
        if name not in self._core.parameters:
            raise ModelError(unknown_parameter(name, self._core.parameters))
        return self._core.parameters[name].detach()

    def parameters_named(self, pattern: str = "*") -> dict[str, Tensor]:
        """The parameters whose name matches a pattern such as "text_encoder.*.mlp.fc2.weight", in model order."""
        found = self._core.parameters.items()
        return {name: value.detach() for name, value in found if fnmatch.fnmatchcase(name, pattern)}

    def expected_state(self) -> State:
        """The state in which the model should be: as loaded, under the edits applied now."""
        return self._core.expected_state()

    def invalidate(self, reason: str) -> None:
        """Refuse from now on to draw from this model or to store anything under its digest."""
        self._core.spoiled = self._core.spoiled or reason

    def changes(self, since: State, only: Collection[str] | None = None) -> str:
        """The first few things of the model that differ from an earlier state, in words; "" where none does.

        Args:
            only: the components to look at; None: all.
        """
        return model_changes(self._core.pipeline, since, only)

    def verify(self, only: Collection[str] | None = None) -> None:
        """Check that the loaded model is what its digest names: as loaded, under the edits applied here.

        Args:
            only: the components to look at; None: all.

        Raises:
            ModelError: it differs, or it was spoiled before.
        """
        self._refuse(self._core.spoiled)
        self._require_current()
        changes = self.changes(self.expected_state(), only) if self.is_loaded else ""
        self._refuse(changes and f"since it was loaded there changed {changes}")

    def _refuse(self, reason: str) -> None:
        if reason:
            what = f"the model {self.ref.repo} is not what its digest names: {reason}"
            raise ModelError(f"{what}; nothing is drawn from it or kept of it any more: load it again")

    @contextmanager
    def applied(self, edit: Edit) -> Iterator["ModelBundle"]:
        """The model under an edit; on exit every bit is as it was.

        Raises:
            ModelError: the edit names a parameter the model lacks, or one of another shape or number format; or the
                model was spoiled before.
        """
        self._refuse(self._core.spoiled)
        self._require_current()
        edited = self.named_under(weight_digests(edit), edit.rewrites, edit.negative_prompt)
        self._core.push(edit.weights)
        try:
            yield edited
        finally:
            self._core.pop()

    def named_under(self, weights: Mapping[str, str], rewrites: Mapping[str, str], negative: str) -> "ModelBundle":
        """The model under an edit by name alone: it names images, and draws only while the edit is applied.

        Args:
            weights: digest of each changed parameter; see `weight_digests`.
            rewrites: what the edit rewrites in prompts.
            negative: its negative prompt.
        """
        edited = copy.copy(self)
        edited.digest = edited_digest(self.digest, weights)
        touched = {name: weight for name, weight in weights.items() if name.startswith("text_encoder")}
        edited.reads_as_loaded = self.reads_as_loaded and not touched
        edited.text_changes = {**self.text_changes, **touched}
        edited.rewrites = {**self.rewrites, **rewrites}
        edited.negative_prompt = negative or self.negative_prompt
        edited._depth = self._depth + 1
        return edited

    def _require_current(self) -> None:
        """Refuse to draw or edit under a name that is not that of the weights as they are now.

        Raises:
            ModelError: an edit is applied that this bundle does not know, or its own was taken out.
        """
        if self._depth != len(self._core.levels):
            raise ModelError(
                f"the model is named with {self._depth} edits and has {len(self._core.levels)} in it: "
                "use the bundle that applied() yields while it is open, and the unedited one outside"
            )


def weight_digests(edit: Edit) -> dict[str, str]:
    """The digest of each parameter that an edit changes."""
    return {name: digest_tensor(value) for name, value in edit.weights.items()}


def edited_digest(base: str, weights: Mapping[str, str]) -> str:
    """Digest of the weights under an edit, by that of each changed one; `base` where none changes."""
    return digest({"base": base, "weights": dict(weights)}) if weights else base
