"""Every kind of job, a file each: specification, code, computation, files and their readers."""

from collections.abc import Mapping
from typing import Any

from lodo.benchmark.kinds import estimate, evaluation, inventory, prepared, samples, start, throughput, training
from lodo.benchmark.kinds.forgetting import FORGETTING, UNLEARNING
from lodo.benchmark.kinds.kind import Kind

KINDS: Mapping[str, Kind[Any, Any]] = {
    kind.name: kind
    for kind in (
        inventory.KIND,
        prepared.KIND,
        samples.KIND,
        start.KIND,
        throughput.KIND,
        training.KIND,
        evaluation.KIND,
        FORGETTING,
        estimate.KIND,
        UNLEARNING,
    )
}
