"""A MACE edit from requests to weights: refinement, one trained term per concept, fusion."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from iceb.base.progress import stage
from iceb.methods.common.attention import StateReader, multiply_right, preserved_moment, projections, right_edit
from iceb.methods.common.attention.state_moments import gram, total
from iceb.methods.common.corpora import caption_corpus, read_captions, sample_captions, texts_naming
from iceb.methods.common.denoiser import Denoiser, without_gradients
from iceb.methods.common.stored_parts import stored_part, unfinished_batches
from iceb.methods.common.training import denoiser_of, record_seconds, training_passes
from iceb.methods.mace.closed_forms import ConceptTerms, fusion, prompt_moment, refinement, refinement_moments
from iceb.methods.mace.concepts import Concept
from iceb.methods.mace.lora import WatchedUNet, cross_attentions, watch_attention
from iceb.methods.mace.masking import SEGMENTING, TrainingMasks
from iceb.methods.mace.prompt_states import PromptReader
from iceb.methods.mace.settings import Training
from iceb.methods.mace.training import Array, TrainingSet, pack_terms, train_terms, unpack_terms
from iceb.methods.mace.training_images import TrainingImages
from iceb.models import threads
from iceb.specs.execution import Execution
from iceb.specs.methods import Bundle, Edit, MethodContext, Scratch
from iceb.specs.passes import PassSize
from iceb.specs.requests import EditRequest

if TYPE_CHECKING:
    from iceb.methods.mace import MACE

CONCEPTS_AT_ONCE = 8  # concepts trained together by default
# Settings that change a trained term; the refined model, which others decide, is in its key.
TRAINING = (*(each.name for each in fields(Training)), "images", "draw_steps", *SEGMENTING)
Piece = tuple[int, int]  # concepts start … stop − 1


def make_edit(method: "MACE", bundle: Bundle, requests: Sequence[EditRequest], context: MethodContext) -> Edit:
    """Make the edit of all requests, reusing and storing parts in the scratch."""
    pipeline = bundle.pipeline
    encoders = [getattr(pipeline, name) for name in bundle.family.text_encoders]
    with without_gradients(pipeline.unet, pipeline.vae, *encoders):
        editing = _Editing(method, bundle, context.scratch, context.execution)
        return editing.run([method.concept(request) for request in requests])


@dataclass
class _Editing:
    """A MACE edit in progress."""

    method: "MACE"
    bundle: Bundle
    scratch: Scratch
    execution: Execution
    log: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.original = projections(self.bundle)
        self.prompts = PromptReader(self.bundle, self.scratch)
        together = self.execution.concepts_at_once or CONCEPTS_AT_ONCE
        self.at_once: PassSize = self.bundle.pass_sizes.of("concepts_at_once", together)
        self.terms = self.scratch.depends_on(*TRAINING)

    def run(self, concepts: Sequence[Concept]) -> Edit:
        with record_seconds(self.log, "texts_seconds"):
            self.prompts.fetch([texts for concept in concepts for texts in (concept.sources, concept.dests)])
        with record_seconds(self.log, "preserved_seconds"):
            kept = self._preserved_moment([concept.source for concept in concepts])
        with record_seconds(self.log, "refinement_seconds"):
            M = self._refinement(concepts, kept)
            refined = multiply_right(self.original, M)
        if not self.method.steps:
            return right_edit(self.original, M, self.log)
        terms = self._terms(concepts, refined)
        with record_seconds(self.log, "fusion_seconds"):
            fused = fusion(self.original, refined, terms, kept, self.method.ridge, self.method.fuse_preserve_scale)
        return Edit(weights={name: W.to(self.original[name]) for name, W in fused.items()}, log=self.log)

    # --- closed forms

    def _preserved_moment(self, sources: Sequence[str]) -> Tensor:
        """P₂ + w D₂, the moments of captions and of domain texts that name no source."""
        method, reader = self.method, StateReader(self.bundle, self.scratch)
        captions = self._captions() if method.preserves else []
        moment = preserved_moment(reader, captions, "all", self.scratch, self.bundle)
        if captions and method.prior_captions:
            moment = moment * (method.prior_captions / len(captions))
        if method.preserves and method.domain is not None:
            texts = read_captions(method.domain, "domain text")
            domain = preserved_moment(reader, texts, "all", self.scratch, self.bundle)  # stored whole
            domain -= gram(reader, texts_naming(texts, sources), "all", keep=True)
            moment = moment + method.preserve_weight * domain
        return moment

    def _captions(self) -> list[str]:
        corpus = caption_corpus(self.method.captions, self.bundle.ref.family, self.method.card.name)
        captions = sample_captions(corpus, self.method.caption_count)
        self.log["captions_used"] = float(len(captions))
        return captions

    def _refinement(self, concepts: Sequence[Concept], kept: Tensor) -> Tensor:
        method = self.method
        moments = total(
            refinement_moments(self.prompts(concept.sources), self.prompts(concept.dests), method.all_words)
            for concept in concepts
        )
        return refinement(moments, kept, method.ridge, method.train_preserve_scale, method.squared_scale)

    # --- stage 2

    def _terms(self, concepts: Sequence[Concept], refined: Mapping[str, Tensor]) -> Iterator[ConceptTerms]:
        """Each concept's trained terms, read one after the other."""
        method = self.method
        images = TrainingImages(self.bundle, self.scratch, method.images, method.draw_steps)
        masks = TrainingMasks(method, self.bundle, self.scratch, images, self.prompts)
        masks.ready(concepts)
        with record_seconds(self.log, "images_seconds"):
            images.fetch(concepts)
        with record_seconds(self.log, "masks_seconds"):
            masks.fetch(concepts)
        with record_seconds(self.log, "training_seconds"):
            keys = self._train(concepts, refined, lambda concept: self._training_set(concept, images, masks))
        return self._fuse(concepts, keys)

    def _training_set(self, concept: Concept, images: TrainingImages, masks: TrainingMasks) -> TrainingSet:
        read = self.prompts(concept.sources)
        return TrainingSet(concept, read, self.prompts.own_ids(concept.source), images(concept), masks(concept))

    def _train(
        self, concepts: Sequence[Concept], refined: Mapping[str, Tensor], training_set: Callable[[Concept], TrainingSet]
    ) -> list[dict[str, Any]]:
        """Train and store all terms; return their keys."""
        with self.bundle.applied(Edit(weights=refined)) as bundle:
            keys = self._keys(bundle.digest, concepts)
            missing = unfinished_batches(keys, self.at_once.size, lambda key: self.terms.get(key) is not None)
            if missing:
                self._train_missing(
                    bundle, missing, lambda a, b: [training_set(concept) for concept in concepts[a:b]], keys
                )
        return keys

    def _train_missing(
        self,
        bundle: Bundle,
        missing: Sequence[Piece],
        training_sets: Callable[[int, int], list[TrainingSet]],
        keys: Sequence[Mapping[str, Any]],
    ) -> None:
        precision = self.execution.precision
        denoiser = denoiser_of(bundle.pipeline, precision)
        with (
            training_passes(precision),
            without_gradients(denoiser.unet, denoiser.vae),
            watch_attention(denoiser.unet) as watched,
        ):

            def train(piece: Piece) -> tuple[list[Array], Tensor]:
                return self._train_batch(denoiser, watched, training_sets(*piece))

            with stage("attention terms", sum(b - a for a, b in missing)) as advance:
                losses, trained = [], threads.run_passes(bundle.device, train, missing)
                for (a, b), (found, course) in zip(missing, trained, strict=True):
                    for key, numbers in zip(keys[a:b], found, strict=True):
                        self.terms.put(key, numbers)
                    losses.append(course)
                    advance(b - a)
        courses = torch.cat(losses, dim=1)  # (steps, concepts)
        self.log["first_loss"], self.log["last_loss"] = float(courses[0].mean()), float(courses[-1].mean())

    def _train_batch(
        self, denoiser: Denoiser, watched: WatchedUNet, training_sets: Sequence[TrainingSet]
    ) -> tuple[list[Array], Tensor]:
        """Train terms in one batch, or in several if memory is short; losses are (steps, concepts)."""

        def batch(part: Sequence[TrainingSet], _: int) -> tuple[list[Array], Tensor]:
            done = train_terms(denoiser, watched, part, self.method.training)
            return [pack_terms(done.loras, row) for row in range(len(part))], done.losses.cpu()

        parts = self.at_once.run(batch, training_sets)
        return [terms for found, _ in parts for terms in found], torch.cat([losses for _, losses in parts], dim=1)

    def _keys(self, model: str, concepts: Sequence[Concept]) -> list[dict[str, Any]]:
        """The scratch key of each concept.

        What is trained beside it changes last bits, and is not part of it.
        """
        common = {
            "what": "mace terms",
            "version": 2,
            "model": model,
        }
        return [{**common, "concept": asdict(concept)} for concept in concepts]

    def _fuse(self, concepts: Sequence[Concept], keys: Sequence[Mapping[str, Any]]) -> Iterator[ConceptTerms]:
        shapes = self._shapes()
        for concept, key in zip(concepts, keys, strict=True):
            numbers = stored_part(self.terms, key)
            place = next(iter(self.original.values())).device
            terms = {
                name: (down.to(place), up.to(place))
                for name, (down, up) in unpack_terms(np.asarray(numbers), shapes, self.method.rank).items()
            }
            yield ConceptTerms(terms, prompt_moment(self.prompts(concept.sources)))

    def _shapes(self) -> dict[str, tuple[int, int]]:
        """The projections in the terms' order: layer by layer, keys before values."""
        layers = cross_attentions(self.bundle.pipeline.unet)
        names = [f"unet.{layer}.{part}.weight" for layer in layers for part in ("to_k", "to_v")]
        return {name: (self.original[name].shape[0], self.original[name].shape[1]) for name in names}
