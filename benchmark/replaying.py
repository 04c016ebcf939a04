"""The steps of a training, base or counterfactual, from its job: what leaving out means is decided here."""

from lodo.benchmark.specifications import TrainingSpec
from lodo.tasks.likelihood import Examples
from lodo.tasks.prepare import Prepared
from lodo.tasks.replay import Replay
from lodo.tasks.slots import Pool, Slots, base_slots, dropped_slots, refilled_slots, reshuffled_slots


def replay_of(prepared: Prepared, training: TrainingSpec) -> Replay:
    """The steps of a training, base or counterfactual, from its specification."""
    recipe, seed, left_out = training.recipe, training.seed, training.left_out
    names = list(training.mixture.names)
    pools = [Pool(item.name, item.slots, len(prepared.pools[item.name])) for item in training.mixture.datasets]
    slots: Slots
    if left_out is None:
        slots = base_slots(pools, seed)
    elif training.definition == "all-examples":
        slots = dropped_slots(pools, seed, names.index(left_out), recipe.batch_size)
    else:
        fill = refilled_slots if recipe.coupled else reshuffled_slots
        slots = fill(pools, seed, names.index(left_out))
    stock = [Examples.of(prepared.pools[name]) for name in names]
    return Replay.of(training.model, recipe, training.vocabulary, stock, slots, seed, training.runtime.device)
