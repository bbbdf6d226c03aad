"""Work of a method's edit as numbers of passes, from its settings and the number of requests.

Numbers of passes are read from the settings of the method; what a pass costs is counted from a model's shapes
(`iceb.models.passes`). A method without an entry in `WORK` has no number: None.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from iceb.models.passes import PassName
from iceb.specs.families import Family
from iceb.specs.methods import EditMethod

TRAINING_SIDE = 512  # EMCID and Concept Ablation train at most at this side, whatever the model draws
TOGETHER = 8  # concepts that EMCID and MACE train together by default
PHRASES = 5  # in which uce-debias of 2023 balances a source
ADAM = 4  # trained parameters are held as copies, with gradients and two moments


@dataclass(frozen=True)
class Scale:
    """Numbers of concepts, of templates of each, and of different destinations."""

    requests: int
    templates: float
    dests: int
    family: Family


@dataclass
class Work:
    """The passes of an edit.

    Attributes:
        passes: rows by kind of pass, at the side of training images for those that train.
        drawn: like `passes`, at the model's own side: images drawn for training.
        trains: the pass that decides the memory; "text" where nothing is trained.
        rows: its rows for one concept, or for one step where concepts take turns.
        together: concepts in one pass, which may be made fewer; None: concepts take turns.
        side: of training images; None: the model's own.
        half: whether the trained parameters and the passes have 16 bits.
        written: parameters that the edit holds.
        notes: what is not counted.
    """

    passes: Counter[PassName] = field(default_factory=Counter)
    drawn: Counter[PassName] = field(default_factory=Counter)
    trains: PassName = "text"
    rows: int = 1
    together: int | None = None
    side: int | None = None
    half: bool = False
    written: int | None = None
    notes: tuple[str, ...] = ()


def images(count: float, steps: int, guided: bool = True) -> Counter[PassName]:
    """The passes of drawing so many images."""
    rows: Mapping[PassName, float] = {"unet": count * steps * (2 if guided else 1), "decode": count, "text": count}
    return Counter({name: round(number) for name, number in rows.items()})


def work_of(method: EditMethod, scale: Scale) -> Work | None:
    """The work of a method's edit; None where it cannot be told from its settings."""
    count = WORK.get(method.card.name)
    return None if count is None else count(method, scale)


def _nothing(method: Any, scale: Scale) -> Work:
    return Work(written=0)


def _closed_form(method: Any, scale: Scale) -> Work:
    """Texts are read, sources and destinations; solves of the size of a text state are not counted."""
    each = scale.templates if getattr(method, "templates", False) is True else 1
    texts = 2 * scale.requests * each + len(getattr(method, "retain", ()))
    texts += getattr(method, "caption_count", 0)
    captions = getattr(method, "captions", 0)
    texts += captions if isinstance(captions, int) else 0
    return Work(Counter({"text": round(texts)}), notes=("solves, small beside reading texts, are not counted",))


def _emcid(method: Any, scale: Scale) -> Work:
    """Per step: the destination's prediction, the edited source's with gradients, and the text encoder's.

    Stage II reads the prompts once a layer, and the captions once for a model.
    """
    rows = scale.requests * scale.templates * method.images
    steps = round(rows * method.steps)
    work = Work(trains="text_to_state", rows=round(scale.templates * method.images), together=TOGETHER)
    work.side = min(TRAINING_SIDE, scale.family.sampling.height)
    work.passes["text_to_state"] = steps
    work.passes["text"] = round(scale.requests * scale.templates * len(method.layers)) + method.caption_count
    if method.noise_loss != "none":
        work.trains = "unet_to_text"
        work.passes["unet_to_text"] = steps
        work.passes["unet"] = {"distil": steps, "esd": 2 * steps, "true": 0}[method.noise_loss]
        work.drawn = images(rows, scale.family.sampling.steps)
        work.passes["encode"] = round(rows)
    work.notes = ("the layers below the edited one are counted at each step, and solves are not",)
    return work


def _esd(method: Any, scale: Scale) -> Work:
    """Per step: latents sampled half of the way on average; two predictions; one training row."""
    settings = method.settings(scale.family.layout == "sdxl", scale.requests)
    steps = settings.iterations * settings.batch
    trains: PassName = {"esd-x": "unet_cross_attention", "esd-x-strict": "unet_keys_values"}.get(
        settings.group, "unet_all"
    )  # type: ignore[assignment]  # all three are names of passes
    work = Work(trains=trains, rows=settings.batch, side=method.pixels, half=settings.precision == "bfloat16")
    work.passes[trains] = steps
    work.passes["unet"] = round(steps * ((settings.sampling_steps - 1) + (3 if settings.erase_from else 2)))
    work.passes["text"] = 3 * scale.requests
    if trains == "unet_all":
        work.notes = (f"group {settings.group} is counted as all of the denoiser",)
    return work


def _ablation(method: Any, scale: Scale) -> Work:
    """Anchors' images, and per step the trained rows and as many of the model's own predictions."""
    steps = method.total_steps or method.steps * scale.requests
    groups: dict[str, PassName] = {"cross-attn": "unet_keys_values", "embedding": "unet_to_text"}
    trains = groups.get(method.parameter_group, "unet_all")
    rows = method.batch * (2 if method.prior else 1)
    work = Work(trains=trains, rows=rows, side=min(method.resolution, scale.family.sampling.height))
    anchors = 1 if method.anchor else scale.dests
    own = method.draw_scheduler == "own"
    drawn = images(anchors * method.images, scale.family.sampling.steps if own else method.draw_steps)
    work.drawn = drawn
    work.passes[trains] = steps * rows
    work.passes["unet"] = steps * method.batch if method.loss == "model-based" else 0
    work.passes["encode"] = anchors * method.images
    work.passes["text"] = 2 * steps * rows
    if trains == "unet_all":
        work.notes = (f"group {method.parameter_group} is counted as all of the denoiser",)
    return work


def _mace(method: Any, scale: Scale) -> Work:
    """Training images, a row a step for each concept, and the captions once for a model."""
    work = Work(trains="unet_low_rank", rows=1, together=TOGETHER)
    work.drawn = images(scale.requests * method.images, method.draw_steps)
    work.passes["unet_low_rank"] = scale.requests * method.steps
    work.passes["encode"] = scale.requests * method.images
    work.passes["text"] = 2 * scale.requests * method.prompts + (method.caption_count if method.preserves else 0)
    work.notes = ("the segmenter of its images, and solves, are not counted",)
    return work


def _refact(method: Any, scale: Scale) -> Work:
    """At most `steps` passes of all templates; the search stops earlier where it may."""
    rows = len(method.templates) + 1
    work = Work(trains="text_to_state", rows=rows)
    work.passes["text_to_state"] = scale.requests * method.steps * rows
    work.passes["text"] = 2 * scale.requests * rows + (method.caption_count if method.moment else 0)
    work.notes = ("at most: the search may stop before its last step",)
    return work


def _finetune(method: Any, scale: Scale) -> Work:
    rows = round(scale.templates)
    work = Work(trains="text_all", rows=rows)
    work.passes["text_all"] = scale.requests * method.steps * rows
    work.passes["text"] = scale.requests * rows
    return work


def _debias(method: Any, scale: Scale) -> Work:
    """At most `rounds` rounds of images of every source in every phrase, and its texts once."""
    old = method.variant == 2023
    concepts = scale.requests * (PHRASES if old and method.templates else 1)
    count = method.rounds * concepts * (method.images or (50 if old else 10))
    work = Work(drawn=images(count, method.sampling_steps or scale.family.sampling.steps))
    work.passes["text"] = concepts * (1 + scale.dests) + len(method.retain)
    work.notes = ("at most: rounds end once shares are balanced; judging their images, and solves, are not counted",)
    return work


WORK: dict[str, Callable[[Any, Scale], Work]] = {
    **dict.fromkeys(("unedited", "prompt_swap", "negative_prompt", "oracle"), _nothing),
    **dict.fromkeys(("uce", "uce-emcid", "rece", "speed", "time", "embedding_swap"), _closed_form),
    **dict.fromkeys(("emcid", "emcid-ns"), _emcid),
    "esd": _esd,
    "ablation": _ablation,
    "mace": _mace,
    "refact": _refact,
    "finetune": _finetune,
    "uce-debias": _debias,
}
