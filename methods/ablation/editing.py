"""Make a Concept Ablation edit: from requests to weights."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import torch

from iceb.base.progress import stage
from iceb.methods.ablation.anchors import Anchors
from iceb.methods.ablation.augmentation import check_size
from iceb.methods.ablation.batches import Batches
from iceb.methods.ablation.concepts import Anchor, Concept, concepts_of
from iceb.methods.ablation.objective import detach_start_token, objective
from iceb.methods.ablation.trained_parts import TrainedDenoiser, TrainedEmbeddings, TrainedPart
from iceb.methods.common.corpora import read_captions
from iceb.methods.common.denoiser import Denoiser, without_gradients
from iceb.methods.common.training import denoiser_of, training_passes
from iceb.models.threads import single_threaded
from iceb.specs.methods import Bundle, Edit, MethodContext, Scratch
from iceb.specs.requests import EditRequest
from iceb.specs.runs import Sampling

if TYPE_CHECKING:
    from iceb.methods.ablation import Ablation


def make_edit(method: "Ablation", bundle: Bundle, requests: Sequence[EditRequest], context: MethodContext) -> Edit:
    """Make the edit that carries out all requests in one training run."""
    concepts = concepts_of(requests, method)
    given = read_captions(method.prior_prompts, "prompt") if method.prior and method.prior_prompts is not None else []
    prior = Anchor(tuple(given)) if given else None
    pipeline = bundle.pipeline
    denoiser = denoiser_of(pipeline, context.execution.precision)
    anchors = _anchors(method, bundle, denoiser, context.scratch)
    if method.augment and any(concept.resizable for concept in concepts):
        check_size(anchors.side, denoiser.pixels // denoiser.latent_shape[1])
    anchors.prepare([*(concept.anchor for concept in concepts), *([prior] if prior else [])])
    batches = Batches(
        concepts,
        anchors,
        denoiser,
        variant=method.variant,
        augment=method.augment,
        flip=method.flip,
        seed=method.seed,
        size=method.batch,
        preserve=method.prior,
        prior=prior,
    )
    part = _trained_part(method, bundle, denoiser, concepts)
    steps = method.total_steps or method.steps * len(concepts)
    with without_gradients(*(getattr(pipeline, name) for name in bundle.family.text_encoders)):
        losses = train(method, denoiser, part, batches, steps)
    log = {
        "concepts": float(len(concepts)),
        "anchors": float(len({concept.anchor for concept in concepts})),
        "images_drawn": float(anchors.drawn),
        "steps": float(steps),
        "first_loss": sum(losses[:10]) / len(losses[:10]),
        "last_loss": sum(losses[-10:]) / len(losses[-10:]),
        "relative_change": part.trained.relative_change,
    }
    return Edit(weights=part.weights(), log=log)


def _anchors(method: "Ablation", bundle: Bundle, denoiser: Denoiser, scratch: Scratch) -> Anchors:
    own: Sampling = bundle.family.sampling
    sampling = own
    if method.draw_scheduler != "own":
        scheduler, steps, guidance = method.draw_scheduler, method.draw_steps, method.guidance
        sampling = Sampling(scheduler, steps, guidance, own.height, own.width)
    side = min(denoiser.pixels, method.resolution)
    return Anchors(bundle, denoiser, scratch, sampling, method.images, method.seed, side)


def _trained_part(method: "Ablation", bundle: Bundle, denoiser: Denoiser, concepts: Sequence[Concept]) -> TrainedPart:
    optimiser = partial(torch.optim.AdamW, lr=method.effective_rate, weight_decay=method.decay)
    if method.parameter_group == "embedding":
        return TrainedEmbeddings(bundle, denoiser, concepts, optimiser)
    return TrainedDenoiser(bundle, denoiser, method.parameter_group, optimiser)


def train(method: "Ablation", denoiser: Denoiser, part: TrainedPart, batches: Batches, steps: int) -> list[float]:
    """Train for `steps` steps and return the loss of each.

    On the CPU with one thread of arithmetic, so that the last bits do not depend on how many there are.
    """
    losses = []
    compvis = method.variant == "compvis"
    with ExitStack() as stack:
        stack.enter_context(training_passes(denoiser.precision))
        stack.enter_context(without_gradients(denoiser.unet, denoiser.vae))
        stack.enter_context(detach_start_token(denoiser.unet))
        stack.enter_context(single_threaded())
        advance = stack.enter_context(stage("ablation", steps))
        for batch in islice(batches, steps):
            loss = objective(
                part.predict,
                denoiser,
                batch,
                model_based=method.loss == "model-based",
                prior_weight=method.prior_weight,
                prior_cells=compvis,
            )
            losses.append(part.trained.step(loss, None if compvis else method.clip))
            advance(1)
    return losses
