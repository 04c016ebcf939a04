"""The sentence that the front page begins with: which method to use, how good, at what cost, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass

from lodo.reports import formats
from lodo.reports.site.material import Material, Pair
from lodo.reports.site.page import joined
from lodo.reports.site.words import compute, trainings, with_interval
from lodo.reports.standings import Standing

NAMED = 4  # more methods than this are counted, not named


@dataclass(frozen=True)
class Part:
    """A piece of a sentence: plain words, or a method's name with its page."""

    text: str
    pair: Pair | None = None


@dataclass(frozen=True)
class Verdict:
    """What the data say to use.

    Attributes:
        sentence: the parts of the sentence.
        sure: whether one method is surely better than all others and than random numbers.
    """

    sentence: tuple[Part, ...]
    sure: bool

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.sentence)


def verdict(material: Material) -> Verdict:
    """From the standings over all tasks."""
    scored = [standing for standing in material.methods if standing.score is not None]
    if not scored:
        reasons = [standing.reason for standing in material.methods]
        why = f": {material.label(material.methods[0].pair)} is {reasons[0]}" if reasons else ""
        return Verdict((Part(f"No method has a score on every task{why}."),), False)
    best = scored[0]
    name = Part(material.label(best.pair), best.pair)
    facts = Part(f"{with_interval(_known(best.score), best.again)} for {_cost(material, best)}{_ends(material, best)}")
    if best.place is None:
        return Verdict((name, Part(" scores highest, "), facts, Part(f" – {_uncompared(best)}.")), False)
    rivals = [other for other in scored[1:] if other.place is None or other.place.group == 1]
    lucky = best.to_chance is not None and not best.to_chance.sure
    if lucky or rivals:
        doubt = [Part("nothing here is surely better than random numbers")] if lucky else []
        if rivals:
            doubt += [Part(", and "), *_tied(material, rivals)] if lucky else _tied(material, rivals)
        return Verdict((name, Part(" scores highest, "), facts, Part(" – but "), *doubt, Part(".")), False)
    if len(scored) == 1:
        return Verdict(
            (Part("Use "), name, Part(": it scores "), facts, Part(" – no other method has a score.")), False
        )
    return Verdict(
        (Part("Use "), name, Part(": it scores "), facts, Part(" – surely more than any other method.")), True
    )


def _known(value: float | None) -> float:
    assert value is not None
    return value


def _cost(material: Material, standing: Standing) -> str:
    return compute(material.costs.get(standing.pair))


def _uncompared(best: Standing) -> str:
    """One without an interval: nothing can be told apart."""
    return f"but nothing can be told apart here ({best.again.reason})"


def _ends(material: Material, best: Standing) -> str:
    """How far it is from random numbers and from retraining."""
    said = []
    if material.chance is not None and material.chance.score is not None:
        said.append(_apart(_known(best.score) - material.chance.score, "random numbers"))
    top = material.retraining
    if top is not None and top.score is not None and material.reading == "others":
        cost = trainings(material.costs.get(top.pair))
        said.append(f"{_apart(_known(best.score) - top.score, 'retraining')}, which costs {cost}")
    return f"; that is {joined(said)}" if said else ""


def _apart(gap: float, what: str) -> str:
    return f"{formats.number(abs(gap))} {'above' if gap >= 0 else 'below'} {what}"


def _tied(material: Material, rivals: Sequence[Standing]) -> list[Part]:
    """That others cannot be told from the best, and which of them costs least."""
    labels = [material.label(rival.pair) for rival in rivals]
    who = joined(labels) if len(labels) <= NAMED else f"{len(labels)} other methods"
    parts = [Part(f"{who} cannot be told from it")]
    known = [(material.costs[rival.pair], rival) for rival in rivals if rival.pair in material.costs]
    if len(known) > 1:
        cost, least = min(known, key=lambda item: item[0])
        name = Part(material.label(least.pair), least.pair)
        parts += [Part(" (cheapest: "), name, Part(f", {formats.number(least.score)} for {compute(cost)})")]
    return parts


@dataclass(frozen=True)
class Step:
    """What is best for some compute: no method that costs less scores more."""

    standing: Standing
    cost: float


def frontier(material: Material) -> list[Step]:
    """The methods that score highest for what they cost, cheapest first."""
    known = [
        Step(standing, material.costs[standing.pair])
        for standing in material.methods
        if standing.score is not None and standing.pair in material.costs
    ]
    steps: list[Step] = []
    for step in sorted(known, key=lambda step: (round(step.cost, 4), -_known(step.standing.score))):
        if not steps or _known(step.standing.score) > _known(steps[-1].standing.score):
            steps.append(step)
    return steps
