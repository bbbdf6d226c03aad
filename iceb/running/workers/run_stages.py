"""Runs of which one stage is made: the edits, or a share's images by the unedited model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from iceb.running.edited_model import EditedModel
from iceb.running.prompt_selection import CheckpointPrompts
from iceb.running.result_record import Images
from iceb.running.workers.shares import ShareRun
from iceb.specs.prompts import ImageKey, Prompt
from iceb.specs.schedules import first_batches


class EditRun(ShareRun):
    """A run of which only the edits are made, by the first share.

    The others help it with batches of concepts, and end when no batch is left to begin with, so that what they hold is
    free for images before the edit.
    """

    def _make(self) -> int:
        if self.shard.index:
            self._help()
        else:
            self.images = Images()
            self.draw()
        return 0

    def _help(self) -> None:
        """Make batches of the edits that begin at the unedited model, whose parts need no other edit."""
        replace(self.ahead, first=self._first).make(wait=False)
        for batch in first_batches(self.plan.schedule):
            self._edit_parts(self.parts.bundle, batch).make(wait=False)

    def _draw_before(self, prompts: Sequence[Prompt]) -> dict[Prompt, ImageKey]:
        return {}

    def _judge(self, model: EditedModel, checkpoint: CheckpointPrompts, before: Mapping[Prompt, ImageKey]) -> None:
        """Leave a checkpoint's images to other workers."""


class BeforeRun(ShareRun):
    """A run of which a share's images by the unedited model are drawn, which no edit is needed for."""

    def _make(self) -> int:
        self._draw_before(self.plan.prompts_before)
        return self.parts.generator.tally.drawn
