"""Check how a method handles requests: order, destinations, kinds and unusual subjects."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from iceb.base.errors import IcebError
from iceb.conformance.check_line import Broken, Info, Line, Outcome, Skipped, error_text, line
from iceb.conformance.methods.edit_checks import PlainEdit
from iceb.conformance.methods.method_under_test import KINDS, MISFIT, digest_of
from iceb.conformance.methods.sample_requests import OFTEN_REFUSED, sample, unusual_requests, with_other_dests
from iceb.running.request_kinds import refuse_kind
from iceb.specs.requests import EditRequest
from iceb.specs.tasks import Kind

Requests: TypeAlias = tuple[EditRequest, ...]
ORDER_TOLERANCE = 1e-3  # share of the change's norm that rounding may cause in another order


@dataclass
class RequestChecks:
    """Checks with requests other than the plain ones."""

    plain_edit: PlainEdit

    def order(self) -> Outcome:
        """Measure whether the order of requests matters; a method may depend on it."""
        plain, under_test = self.plain_edit.require_edit(), self.plain_edit.under_test
        if not under_test.card.deterministic:
            raise Skipped("the card says deterministic=False")
        turned = under_test.edit(tuple(reversed(self.plain_edit.requests)), self.plain_edit.scratch)
        far = under_test.relative_difference(plain, turned)
        if far > ORDER_TOLERANCE:
            return Info(f"order-dependent: reversed, the edit differs by {far:.2g} of its change")
        return f"reversed, the edit differs by {far:.2g} of its change"

    def dest(self) -> Outcome:
        """Check that other destinations give another edit."""
        plain, under_test = self.plain_edit.require_edit(), self.plain_edit.under_test
        if not under_test.card.deterministic:
            raise Skipped("the card says deterministic=False: any two edits differ")
        if not under_test.card.reaches_dest or under_test.kind == "erase":
            raise Skipped("an eraser, by its card")
        others = [with_other_dests(request) for request in self.plain_edit.requests]
        other = under_test.edit(others, self.plain_edit.scratch)
        if digest_of(other) != digest_of(plain):
            return ""
        if not under_test.card.touches:
            return Info("other destinations give the same edit; it changes no weight")
        if digest_of(under_test.edit(others)) != digest_of(plain):
            raise Broken("a kept part does not name its destination: put source and dests into its key")
        raise Broken("other destinations give the same edit: read request.dests, or declare reaches_dest=False")

    def kinds(self) -> list[Line]:
        """Check each kind: declared ones work or say why these settings forbid them; others are refused."""
        return [line(f"kind {kind}", partial(self._kind, kind)) for kind in KINDS]

    def _kind(self, kind: Kind) -> str:
        under_test = self.plain_edit.under_test
        if kind not in under_test.card.kinds:
            try:
                refuse_kind(under_test.card, kind)
            except IcebError as refusal:
                return f"refused: {refusal}"
        self.plain_edit.require_edit()
        if sample(1, kind) == sample(1, under_test.kind):
            return "declared; its requests are the plain ones"
        return _try_edit(self.plain_edit, sample(1, kind, templates=1)) or "carried out"

    def unusual(self) -> list[Line]:
        """Check that unusual requests give finite weights or are refused with a reason.

        Cases that many methods rightly refuse are tried alone; the rest in one edit, then one by one if that fails.
        """
        cases = unusual_requests(self.plain_edit.under_test.kind)
        alone = {what: cases.pop(what) for what in OFTEN_REFUSED}
        together = line("odd: all together", partial(_try_edit, self.plain_edit, sum(cases.values(), ())))
        if together.status == "pass" and not together.note:
            made = [Line(f"odd: {what}", "pass", "in one edit with the others") for what in cases]
            return [*made, *self._one_by_one(alone)]
        made = self._one_by_one({**cases, **alone})
        explained = any(each.status != "pass" or each.note for each in made[: len(cases)])
        return made if explained else [*made, together]

    def _one_by_one(self, cases: Mapping[str, Requests]) -> list[Line]:
        return [line(f"odd: {what}", partial(_try_edit, self.plain_edit, asked)) for what, asked in cases.items()]


def _try_edit(plain_edit: PlainEdit, requests: Requests) -> str:
    """Make an edit that fits, or accept one of ICEB's errors as a refusal; anything else fails the line."""
    plain_edit.require_edit()
    try:
        plain_edit.under_test.edit(requests, plain_edit.scratch)
    except IcebError as refusal:
        if MISFIT in str(refusal):
            raise
        return f"refused: {error_text(refusal)}"
    return ""
