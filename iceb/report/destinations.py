"""Find the image of a prompt with its destination in the source's place, by the unedited model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from iceb.base.errors import IcebError, ModelError
from iceb.base.rewriting import Rewriter
from iceb.specs.prompts import ImageKey, Prompt
from iceb.specs.requests import EditRequest
from iceb.specs.results import Result


@dataclass(frozen=True)
class Destinations:
    """Keys of destination images, and the prompts that draw them.

    Attributes:
        prompts: by the prompt whose destination each is.
        keys: of those whose key is known, there or not.
    """

    prompts: Mapping[Prompt, Prompt]
    keys: Mapping[Prompt, ImageKey]


def destination_prompt(prompt: Prompt, request: EditRequest | None) -> Prompt | None:
    """Return the prompt with the destination's name, as `prompt_swap` writes it; None if it has none.

    >>> request = EditRequest("r", "hen", ("dog",), ("a {}",), 0)
    >>> destination_prompt(Prompt("two hens", 7, "source", request="r"), request).text
    'two dogs'
    """
    if request is None or len(request.dests) != 1:
        return None
    names = dict.fromkeys((*request.aliases, request.source), request.dest)
    text = Rewriter({request.dest: request.dest, **names})(prompt.text)
    return None if text == prompt.text else replace(prompt, text=text)


def find_destinations(
    result: Result, prompts: Sequence[Prompt], requests: Mapping[str, EditRequest], cache: Path, *, draw: bool = False
) -> Destinations:
    """Return the keys of destination images as the run's unedited model draws them; no weight is loaded.

    Args:
        result: of the run.
        prompts: whose destinations are asked for.
        requests: of the run, by id.
        cache: the cache's root.
        draw: draw those that the cache lacks; the model is loaded.

    Raises:
        IcebError: with `draw`, the model cannot be found or fails.
    """
    pairs = {prompt: destination_prompt(prompt, requests.get(prompt.request or "")) for prompt in prompts}
    found = {prompt: dest for prompt, dest in pairs.items() if dest is not None}
    if not found or not (draw or (cache / "images").is_dir()):
        return Destinations(found, {})
    try:
        keys = _keys(result, list(found.values()), cache, draw)
    except IcebError:
        if draw:
            raise
        keys = []  # the model is not here, so that nothing can be looked up
    return Destinations(found, dict(zip(found, keys, strict=False)))


def _keys(result: Result, prompts: Sequence[Prompt], cache: Path, draw: bool) -> list[ImageKey]:
    from iceb.models import sources
    from iceb.models.generator import Generator
    from iceb.models.opening import open_model
    from iceb.stores.images import ImageStore

    source = sources.find(result.model.family, result.model.dtype)
    if (source.ref.repo, source.ref.revision) != (result.model.repo, result.model.revision):
        raise ModelError(f"model {result.model.repo} is not the one that is installed here: destinations are not drawn")
    bundle, generator = open_model(source, result.device_kind or "auto"), Generator(ImageStore(cache))
    if draw:
        return generator.draw(bundle, prompts, result.sampling, "drawing destinations")
    return generator.keys(bundle, prompts, result.sampling)
