"""Check the concepts of a metric's statistics: one per cluster of prompts, from its own images only."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from iceb.conformance.check_line import Broken, Line, Skipped
from iceb.conformance.parts.made_up_rows import MadeUpRows
from iceb.conformance.parts.metric_values import MetricValues, agree, by_name, others
from iceb.conformance.process_watch import ProcessWatch
from iceb.conformance.registered_objects import require
from iceb.specs.metrics import AFTER, BEFORE, Measured
from iceb.specs.reduction import RESAMPLE, ConceptValue
from iceb.statistics.estimates import effective_count

CONCEPTS = "concepts are those of the prompts"


@dataclass
class MetricConcepts:
    """The checks of a metric's concepts."""

    metric_values: MetricValues
    distinct: bool | None = None  # True once its concepts are known to be those of the prompts

    def lines(self, watch: ProcessWatch) -> Iterator[Line]:
        """Run these checks, one line each."""
        yield watch.line(CONCEPTS, self._concepts)
        yield watch.line("order of images", self._order)
        yield watch.line("n counts images", self._counts)
        yield watch.line("n depends on prompts alone", self._of_prompts)
        yield watch.line("other concepts do not matter", self._apart)
        yield watch.line("reads nothing but its needs", self._nothing_else)

    def _require_values(self) -> tuple[MadeUpRows, tuple[ConceptValue, ...]]:
        """Return the synthetic rows and their statistics; skip unless concepts are distinct."""
        found = self.metric_values.require_values()
        if not self.metric_values.is_set:
            require(self.distinct, CONCEPTS)
        return found

    def _concepts(self) -> str:
        """Check for one statistic per concept, part and replicate; a concept is a prompt's cluster."""
        numbers, values = self.metric_values.require_values()
        if self.metric_values.is_set:
            raise Skipped("a distance of sets is taken over all concepts")
        clusters = {prompt.cluster for prompt in numbers.prompts}
        if unknown := [value.concept for value in values if value.concept not in clusters]:
            raise Broken(f"concept {unknown[0]!r:.80} is no prompt's cluster: take Prompt.cluster")
        named = [(value.concept, value.part, value.replicate) for value in values]
        if twice := [name for name in named if named.count(name) > 1]:
            raise Broken(f"concept {twice[0][0]}, part {twice[0][1]}, replicate {twice[0][2]} has several statistics")
        self.distinct = True
        return f"{len(clusters)} concepts"

    def _order(self) -> str:
        """Check that the order of prompts does not matter."""
        numbers, values = self._require_values()
        found = self.metric_values.ask(numbers.sides(backwards=True))
        return agree(
            by_name(values, self.metric_values.is_set), by_name(found, self.metric_values.is_set), "in another order"
        )

    def _counts(self) -> str:
        """Check that n is the number of images; of resampled sets, the effective number of concepts."""
        numbers, values = self._require_values()
        for value in values:
            allowed = self._numbers_of_images(numbers, value)
            if value.n not in allowed:
                raise Broken(f"concept {value.concept}, part {value.part}: n is {value.n}, there are {sorted(allowed)}")
        return ""

    def _of_prompts(self) -> str:
        """Check that other rows of the same prompts give statistics of the same concepts and counts."""
        numbers, values = self._require_values()
        known = {_coverage(value) for value in values}
        for other in others(numbers):
            found = {_coverage(value) for value in self.metric_values.ask(other.sides())}
            if differing := sorted(known ^ found):
                part, concept, replicate, n = differing[0]
                raise Broken(
                    f"with other rows of the same prompts, concept {concept}, part {part}, replicate {replicate} "
                    f"{'loses' if differing[0] in known else 'gets'} its statistic of {n} images: n counts all images "
                    "that a statistic was taken or chosen from, and depends on prompts, never on rows"
                )
        return ""

    def _numbers_of_images(self, numbers: MadeUpRows, value: ConceptValue) -> set[int]:
        """Return the allowed n: images of one need or of all, with replicates apart or pooled."""
        found: set[int] = set()
        for pooled in (False, True):
            counts = []
            for need in numbers.needs:
                read = [prompt for prompt in numbers.prompts if need.accepts(prompt)]
                if value.part == RESAMPLE and self.metric_values.is_set:
                    counts.append(effective_count(Counter(prompt.cluster for prompt in read).values()))
                    continue
                of = [p for p in read if self.metric_values.is_set or p.cluster == value.concept]
                counts.append(sum(self.metric_values.is_set or pooled or p.replicate == value.replicate for p in of))
            found |= {*counts, sum(counts)}
        return found

    def _apart(self) -> str:
        """Check that a concept's statistic does not depend on the other concepts."""
        if self.metric_values.is_set:
            raise Skipped("a distance of sets is taken over all concepts")
        numbers, values = self._require_values()
        gone = values[0].concept
        found = self.metric_values.ask(numbers.sides(lambda prompt: prompt.cluster != gone))
        left = [value for value in values if value.concept != gone]
        return agree(by_name(left, False), by_name(found, False), f"without concept {gone!r}")

    def _nothing_else(self) -> str:
        """Check that the metric reads no side or key beyond its needs, which a run would not supply."""
        numbers, values = self._require_values()
        measured = numbers.sides()
        places = range(len(numbers.prompts))
        for need in numbers.needs:
            measured[need.key].update(
                {s: numbers.side(need, s, places) for s in (BEFORE, AFTER) if s not in need.sides}
            )
            for role in dict.fromkeys(prompt.role for prompt in numbers.prompts):
                measured.setdefault(role, _other(measured[need.key]))
        measured.setdefault("elsewhere", _other(measured[numbers.needs[0].key]))
        return agree(
            by_name(values, False), by_name(self.metric_values.ask(measured), False), "where there is more to read"
        )


def _coverage(value: ConceptValue) -> tuple[str, str, int, int]:
    return value.part, value.concept, value.replicate, value.n


def _other(sides: dict[str, Measured]) -> dict[str, Measured]:
    return {name: Measured(side.measure, side.values + 1, side.prompts) for name, side in sides.items()}
