"""The steps of a training, base or counterfactual, from its job: what leaving out means is decided here."""

from collections.abc import Mapping
from typing import Any

from lodo.tasks.prepare import Prepared
from lodo.tasks.replay import Replay
from lodo.tasks.slots import Pool, Slots, base_slots, dropped_slots, refilled_slots, reshuffled_slots
from lodo.tasks.spec import ModelSpec, Recipe


def replay_of(prepared: Prepared, training: Mapping[str, Any]) -> Replay:
    """The steps of a training, base or counterfactual, from its job's specification."""
    recipe, seed, left_out = Recipe.model_validate(training["recipe"]), training["seed"], training["left_out"]
    datasets = training["mixture"]["datasets"]
    names = [item["name"] for item in datasets]
    pools = [Pool(item["name"], item["slots"], len(prepared.pools[item["name"]])) for item in datasets]
    slots: Slots
    if left_out is None:
        slots = base_slots(pools, seed)
    elif training["definition"] == "all-examples":
        slots = dropped_slots(pools, seed, names.index(left_out), recipe.batch_size)
    else:
        fill = refilled_slots if recipe.coupled else reshuffled_slots
        slots = fill(pools, seed, names.index(left_out))
    return Replay.of(
        ModelSpec.model_validate(training["model"]),
        recipe,
        training["vocabulary"],
        [prepared.pools[name] for name in names],
        slots,
        seed,
        training["runtime"]["device"],
    )
