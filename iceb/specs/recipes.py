"""A recipe: the frozen settings of a method on a task, and how they were chosen."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from iceb.specs.runs import Scalar


class RecipePart(BaseModel):
    """Settings that replace the recipe's own on one model family."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    how: str = Field(min_length=1)
    params: Mapping[str, Scalar] = Field(default_factory=dict)


class Recipe(BaseModel):
    """The content of baselines/recipes/<method>/<task>.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    how: str = Field(min_length=1)  # how these settings were chosen
    params: Mapping[str, Scalar] = Field(default_factory=dict)
    mini: RecipePart | None = None  # overrides for the embedded model; None: the same settings hold there
    sdxl: RecipePart | None = None  # overrides for Stable Diffusion XL, whose encoders have other layers

    def part(self, family: str) -> str:
        """The part that a model family uses, in words: "part mini", "published settings", or "".

        >>> Recipe(how="published: the paper", mini=RecipePart(how="tuned")).part("mini")
        'part mini'
        """
        if {"mini": self.mini, "sdxl": self.sdxl}.get(family) is not None:
            return f"part {family}"
        return "published settings" if self.how.startswith("published") else ""

    def settings(self, family: str) -> dict[str, Scalar]:
        """The settings for a model family."""
        part = {"mini": self.mini, "sdxl": self.sdxl}.get(family)
        return {**self.params, **(part.params if part is not None else {})}
