"""Which examples of the training datasets a run shows, and which unseen ones beside them."""

from collections.abc import Mapping

import numpy as np

from lodo.benchmark.specifications import TrainingSpec
from lodo.tasks.likelihood import Examples
from lodo.tasks.prepare import Prepared
from lodo.tasks.seeds import derive_seed
from lodo.tasks.sequences import Sequences
from lodo.tasks.spec import Shown


def draw_examples(pool: Sequences, own: int, count: int, run: int, pool_hash: str) -> Sequences:
    """The ``count`` sequences of a dataset that a run shows, drawn once each from the mixture's own.

    Seeded by the dataset's content, so that equal datasets show equal examples.
    """
    generator = np.random.default_rng(derive_seed("run examples", run, pool_hash))
    return pool[np.sort(generator.permutation(own)[:count])]


def shown_examples(
    prepared: Prepared, pool_hashes: Mapping[str, str], training: TrainingSpec, examples: Shown, run: int
) -> tuple[dict[str, Examples], dict[str, Examples]]:
    """By dataset, the examples of the base training that a run shows, and as many that the training did not use.

    ``all`` shows all of the dataset's own sequences, in their order.
    """
    device = training.runtime.device
    shown, unseen = {}, {}
    for item in training.mixture.datasets:
        name, pool = item.name, prepared.pools[item.name]
        own = min(item.slots, len(pool))
        count = own if examples == "all" else examples
        drawn = draw_examples(pool, own, count, run, pool_hashes[name])
        shown[name] = Examples.of(drawn, device)
        spare = pool[own : own + count]
        if len(spare):
            unseen[name] = Examples.of(spare, device)
    return shown, unseen
