"""The tasks that hyperparameters are tuned on: sizes of their own, text of another seed and planting, never scored."""

from collections.abc import Mapping

from lodo.tasks.families.opt import SETTINGS, pretraining_task
from lodo.tasks.family import Settings, register_family
from lodo.tasks.spec import Scale, Task, TestSet

# Neither equal nor the 6:4:3:2:2:1:1:1 of the scored tasks.
SIZES = (3, 3, 2, 2, 2, 2, 1, 1)


@register_family("opt-tuning", settings={("mini", "planted"): SETTINGS["mini", "planted"]}, default=False, scored=False)
def opt_tuning(test: TestSet, scale: Scale, source: str, corpora: Mapping[str, int], settings: Settings) -> Task:
    """An OPT trained on corpora of sizes 3:3:2:2:2:2:1:1, for tuning alone."""
    return pretraining_task("opt-tuning", SIZES, test, scale, source, corpora, settings)
