"""Prompts of the ablated concept, derived from those of its anchor."""

from iceb.base.errors import MethodError
from iceb.methods.ablation.randomness import RandomSource

# Forms in which a style or trait enters an anchor's prompt, drawn with equal probability.
STYLES = {
    "diffusers": ("{prompt}, in the style of {target}", *("in {target}'s style, {prompt}",) * 2),
    "compvis": (
        "{prompt}, in the style of {target}",
        "{target} inspired painting, {prompt}",
        "in {target}'s style, {prompt}",
    ),
}
TRAITS = ("{target}, {prompt}", "in {target} style, {prompt}", "{prompt}, {target}")

# Subjects of paintings if no prompts are given; the authors' 200 prompts are not shipped here.
SUBJECTS = (
    "a {} of a fishing boat on a calm lake",
    "a {} of two people at a kitchen table",
    "a {} of an old stone bridge",
    "a {} of apples in a wooden bowl",
    "a {} of a street after the rain",
    "a {} of a horse in an open field",
    "a {} of a garden behind a white wall",
    "a {} of a woman playing the piano",
    "a {} of snow on a mountain village",
    "a {} of a city at night",
    "a {} of sunflowers by a window",
    "a {} of an empty beach in the evening",
)


def style_prompt(prompt: str, target: str, variant: str, rng: RandomSource) -> str:
    """An anchor's prompt in the style of the target.

    The CompVis code names the target twice in one of two draws.
    """
    form = rng.choice((0, 1, 2))
    if variant == "compvis" and rng.randint(0, 2) == 0:
        target = f"{target} {target}"
    return STYLES[variant][form].format(prompt=prompt, target=target)


def trait_prompt(prompt: str, target: str, rng: RandomSource) -> str:
    """An anchor's prompt with an unwanted trait, as the diffusers code writes nudity."""
    return TRAITS[rng.choice((0, 1, 2))].format(prompt=prompt, target=target)


def replace_name(prompt: str, anchor: str, target: str, variant: str) -> str:
    """An anchor's prompt with the anchor's name replaced; the CompVis code lower-cases the prompt.

    Raises:
        MethodError: the prompt does not name the anchor.
    """
    prompt = prompt.lower() if variant == "compvis" else prompt
    if anchor not in prompt:
        raise MethodError(
            f"anchor prompt {prompt!r} does not contain {anchor!r}: write the anchor or {{}} in each line"
        )
    return prompt.replace(anchor, target)
