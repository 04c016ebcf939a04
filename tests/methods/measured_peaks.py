"""Prints the peak of each method's memory and what it says of it, in vectors of the model's size, as JSON."""

import gc
import importlib.util
import json
import tempfile
from pathlib import Path

import torch

from lodo.benchmark.measuring import PeakMemory
from lodo.benchmark.sharing import Memory
from lodo.methods.base import METHODS
from lodo.methods.extent import Extent
from lodo.tasks.architectures.opt import Opt
from lodo.tasks.likelihood import Examples
from lodo.tasks.replay import Replay
from lodo.tasks.slots import Pool, base_slots
from lodo.tasks.spec import Recipe, Runtime
from lodo.tasks.trained import Checkpoint, TrainedModel
from lodo.tasks.training import train

WIDTH, LAYERS, LENGTH, VOCABULARY, K, S = 384, 2, 6, 40, 4, 6
SPEC = Opt(width=WIDTH, layers=LAYERS, heads=4, feedforward=4 * WIDTH, positions=LENGTH)
RECIPE = Recipe(steps=4, batch_size=4, sequence_length=LENGTH, lr=1e-3, checkpoints=1)
METHODS_AND_VALUES = (
    ("graddot", {}),
    ("untrac", {"points": 2}),
    ("untrac-inv", {"points": 1}),
    ("hif-lissa", {"scale": 1e3}),
    ("hif-cg", {"iterations": 4}),
    ("hif-cg", {"iterations": 4, "reorthogonalise": False}),
    ("hif-arnoldi", {"steps": 6, "top": 2}),
    ("magic", {}),
    ("magic", {"mode": "reverse"}),
    ("datainf", {}),
    ("trak", {}),
    ("ekfac", {}),
    ("logra", {}),
)


def held() -> int:
    """Bytes that this process holds now."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def main() -> None:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)

    def sequences(count):
        return Examples.whole(torch.randint(3, VOCABULARY, (count, LENGTH), generator=generator))

    pools, stock = [Pool(f"d{k}", 4, 6) for k in range(K)], [sequences(6) for _ in range(K)]
    replay = Replay.of(SPEC, RECIPE, VOCABULARY, stock, base_slots(pools, 1), 7)
    subsets = {f"s{s}": sequences(2) for s in range(S)}
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        train(replay, Path(folder), Runtime())
        checkpoint = Checkpoint(RECIPE.steps, 1.0, Path(folder) / f"step-{RECIPE.steps}.safetensors")
        for name, values in METHODS_AND_VALUES:
            method = METHODS.get(name)(**values)
            if any(importlib.util.find_spec(module) is None for module in method.requires):
                continue
            model = replay.initial().eval()
            checkpoint.load_into(model)
            trained = TrainedModel(
                model=model,
                datasets={pool.name: own[:2] for pool, own in zip(pools, stock, strict=True)},
                subsets=subsets,
                checkpoints=(checkpoint,),
                sizes={pool.name: 4 for pool in pools},
                recipe=RECIPE,
                seed=1,
                remembered=remembering(Memory()),
                replay=replay,
                architecture=SPEC,
            )
            weights = sum(value.numel() for value in model.parameters())
            extent = Extent(weights, K, S, 2 * K, RECIPE.steps, "adamw", WIDTH, LAYERS)
            gc.collect()
            before = held()
            with PeakMemory() as peak:
                method.attribute(trained)
            outcomes.append((f"{name} {values}", (peak.bytes - before) / 4 / weights, method.peak_vectors(extent)))
    print(json.dumps(outcomes))


def remembering(memory):
    spec = dict.fromkeys(("training", "code", "runtime", "examples", "run", "subsets"), "")

    def remembered(name, compute, scope):
        entries = memory.of(scope, spec)
        if name not in entries:
            entries[name] = compute(), None
        return entries[name][0]

    return remembered


if __name__ == "__main__":
    main()
