"""Runs of which one stage is made: the edits, or a share's images by the unedited model."""

from collections.abc import Mapping, Sequence

from iceb.running.edited_model import EditedModel
from iceb.running.prompt_selection import CheckpointPrompts
from iceb.running.result_record import Images
from iceb.running.workers.shares import ShareRun
from iceb.specs.prompts import ImageKey, Prompt


class EditRun(ShareRun):
    """A run of which only the edits are made; its share says where it begins with batches of concepts."""

    def _make(self) -> int:
        self.images = Images()
        self.draw()
        return 0

    def _draw_before(self, prompts: Sequence[Prompt]) -> dict[Prompt, ImageKey]:
        return {}

    def _judge(self, model: EditedModel, checkpoint: CheckpointPrompts, before: Mapping[Prompt, ImageKey]) -> None:
        """Leave a checkpoint's images to other workers."""


class BeforeRun(ShareRun):
    """A run of which a share's images by the unedited model are drawn, which no edit is needed for."""

    def _make(self) -> int:
        self._draw_before(self.plan.prompts_before)
        return self.parts.generator.tally.drawn
