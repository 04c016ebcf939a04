"""How long work is likely to take: from like work in the store, else from rough counts."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median

from pydantic import ValidationError

from lodo.benchmark.jobs import MethodChoice
from lodo.benchmark.kinds.estimate import KIND as ESTIMATE
from lodo.benchmark.kinds.kind import FAILURE, SPENT
from lodo.benchmark.kinds.training import KIND as TRAINING
from lodo.benchmark.machines import peak_of, share_of_peak
from lodo.benchmark.plan import Plan, Share
from lodo.benchmark.specifications import EstimateSpec
from lodo.benchmark.store import SEAL, Store
from lodo.tasks.spec import Shown, Task, canonical_json

# Multiply-adds a second that one CPU thread has been seen to reach on models this small; only for a first guess.
OPERATIONS_PER_SECOND = 3.5e10


def rough_training_seconds(task: Task, card: str = "") -> float:
    """A training's length from its `training_operations`: on one CPU thread, or on a card whose peak is known."""
    vocabulary = task.tokenizer.vocabulary
    peak = peak_of(card, task.recipe.precision)
    share = share_of_peak(task.model.rough_parameters(vocabulary))
    return training_operations(task, vocabulary) / (peak * share if peak else OPERATIONS_PER_SECOND)


def training_operations(task: Task, vocabulary: int, left_out: str | None = None) -> float:
    """6 operations per weight and token (Kaplan et al. 2020): 2 forward, 2 by activations, 2 by weights.

    Adapters leave the last 2 out, activations computed anew add 2. A training that is without a dataset and fills its
    slots by nobody has fewer tokens.
    """
    recipe = task.recipe
    each = 6 - 2 * (recipe.lora is not None) + 2 * recipe.recompute
    return each * task.model.rough_parameters(vocabulary) * training_tokens(task, left_out)


def training_tokens(task: Task, unfilled: str | None = None) -> int:
    """Tokens of a base training, or of one in which a dataset's slots stay unfilled."""
    recipe = task.recipe
    dropped = sum(dataset.slots for dataset in task.mixture.datasets if dataset.name == unfilled)
    return (recipe.steps * recipe.batch_size - dropped) * recipe.sequence_length


@dataclass(frozen=True)
class Guess:
    """How long the work not yet in the store is likely to take.

    Attributes:
        basis: on what the guess rests.
        unknown: methods that are not counted, since nobody knows what they cost.
    """

    seconds: float
    basis: str
    unknown: tuple[str, ...]

    def sentence(self, duration: str, jobs: int) -> str:
        """What a person is told; "" where nothing is to be done. ``duration``: the seconds as people say them."""
        if not self.seconds and not self.unknown:
            return ""
        unknown = (
            f"the cost of {', '.join(self.unknown)} is unknown (not said, and not seen in the store) and not counted"
            if self.unknown
            else ""
        )
        if not self.seconds:
            return f"how long it takes is unknown: {unknown}"
        return f"likely to take about {duration} with {jobs} processes ({self.basis})" + (
            f"; {unknown}" if unknown else ""
        )


def expected_seconds(plan: Plan, store: Store, jobs: int) -> Guess:
    """What a plan's missing work is likely to take, with ``jobs`` processes of which a chain is one's alone."""
    missing = [[work for work in chain.works if not store.has(work.job)] for chain in plan.chains]
    costs = [sum(work.cost for work in works if work.known) for works in missing]
    names = {
        job.key: plan.request.methods[index].name for cell in plan.cells for (index, _), job in cell.estimates.items()
    }
    unknown = dict.fromkeys(names[work.job.key] for works in missing for work in works if not work.known)
    known = _recorded(store, plan)
    card = next(iter(plan.request.cards), "")
    rough = median(rough_training_seconds(task, card) for task in plan.tasks)
    seconds, basis = (known, "as trainings of this run took so far") if known else (rough, "a rough guess")
    return Guess(seconds * max([sum(costs) / max(1, jobs), *costs]), basis, tuple(unknown))


def _recorded(store: Store, plan: Plan) -> float | None:
    """Median seconds that trainings of the plan in the store took, if there are any."""
    seconds = [
        SPENT.read(store.path(work.job))
        for chain in plan.chains
        for work in chain.works
        if work.job.kind == TRAINING.name and SPENT.lies_in(store.path(work.job))
    ]
    return median(seconds) if seconds else None


def seen_before(store: Store, methods: Sequence[MethodChoice], examples: Sequence[Shown]) -> list[Share | None]:
    """By method, what time its estimates took where it has run with these hyperparameters on as many examples.

    In units of the training that was attributed, whatever machine it was: the median over base trainings of the
    longest estimate, which is the first, and of the mean of all others, in which dear and cheap ones alternate.
    """
    spent: Mapping[tuple[str, str], Mapping[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for seal in (store.root / ESTIMATE.name).glob(f"*/{SEAL}"):
        folder = seal.parent
        if FAILURE.lies_in(folder) or not SPENT.lies_in(folder):
            continue
        try:
            spec = EstimateSpec.model_validate(json.loads(seal.read_text())["spec"])
        except (ValidationError, ValueError, KeyError):  # of another version
            continue
        training = store.root / TRAINING.name / spec.training
        if spec.examples in examples and SPENT.lies_in(training):
            whose = spec.method, canonical_json(spec.hyperparameters)
            spent[whose][spec.training].append(SPENT.read(folder) / max(SPENT.read(training), 1e-9))
    return [
        _share(list(spent[choice.name, canonical_json(choice.method.hyperparameters)].values())) for choice in methods
    ]


def _share(by_training: Sequence[Sequence[float]]) -> Share | None:
    if not by_training:
        return None
    first = median(map(max, by_training))
    others = [mean(sorted(seconds)[:-1]) for seconds in by_training if len(seconds) > 1]
    rest = median(others) if others else first
    return Share(first, rest, rest)
