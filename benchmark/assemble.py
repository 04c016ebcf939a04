"""Builds what a method may see from the store's entries: the trained model, its examples, its checkpoints."""

import dataclasses
import functools
import inspect
import json
import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lodo.benchmark.identity import code_hash
from lodo.benchmark.store import DamagedEntry, Job, Store
from lodo.tasks.forgetting import forgetting
from lodo.tasks.model import Examples
from lodo.tasks.prepare import Prepared
from lodo.tasks.replay import Replay
from lodo.tasks.seeds import derive_seed
from lodo.tasks.slots import Pool, Slots, base_slots, dropped_slots, refilled_slots, reshuffled_slots
from lodo.tasks.spec import ModelSpec, Recipe
from lodo.tasks.trained import Checkpoint, Scope, TokenMeter, TrainedModel
from lodo.tasks.training import checkpoint_steps, load_parameters


def as_examples(tokens: np.ndarray, scored: np.ndarray, device: str = "cpu") -> Examples:
    """Stored arrays as `Examples` on a device, copied: what a method does to them reaches no other run."""
    return Examples(torch.tensor(tokens, dtype=torch.long), torch.tensor(scored)).to(device)


def draw_examples(pool: np.ndarray, own: int, count: int, run: int, pool_hash: str) -> np.ndarray:
    """The ``count`` sequences of a dataset that a run shows, (count, L), drawn once each from the mixture's own.

    Seeded by the dataset's content, so that equal datasets show equal examples.
    """
    generator = np.random.default_rng(derive_seed("run examples", run, pool_hash))
    return pool[np.sort(generator.permutation(own)[:count])]


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


class SharedPass:
    """Keeps shared computations in the store and charges each user their cost in full.

    Attributes:
        spec: the specification of the estimate job that shares.
        seconds, tokens, trainings: cost of the shared results that this method used but did not compute.
    """

    def __init__(self, store: Store, spec: Mapping[str, Any], meter: TokenMeter, training_tokens: int) -> None:
        self.store, self.spec, self.meter, self.training_tokens = store, spec, meter, training_tokens
        self.seconds = self.trainings = 0.0
        self.tokens = 0

    def __call__(self, name: str, compute: Callable[[], dict[str, Tensor]], scope: Scope = "run") -> dict[str, Tensor]:
        keys = ("training", "code", "runtime", *(("subsets", "examples", "run") if scope == "run" else ()))
        job = Job("shared", {**{key: self.spec[key] for key in keys}, "by": _code_of(compute), "name": name})
        with self.store.claim(job) as partial:
            assert partial is not None
            try:
                folder = self.store.open(job)
            except (KeyError, DamagedEntry):
                begun, forward, backward = time.perf_counter(), self.meter.forward, self.meter.backward
                found = compute()
                cost = {
                    "seconds": time.perf_counter() - begun,
                    "tokens": self.meter.forward + self.meter.backward - forward - backward,
                    "trainings": (self.meter.backward - backward + (self.meter.forward - forward) / 3)
                    / self.training_tokens,
                }
                save_file(found, partial / "values.safetensors")
                (partial / "cost.json").write_text(json.dumps(cost))
                self.store.commit(job, partial)
                return found
        cost = json.loads((folder / "cost.json").read_text())
        self.seconds += cost["seconds"]
        self.tokens += cost["tokens"]
        self.trainings += cost["trainings"]
        return load_file(folder / "values.safetensors")


def _code_of(compute: Callable[[], dict[str, Tensor]]) -> str:
    """Hash of the file that defines a computation and of every lodo file that it imports."""
    while isinstance(compute, functools.partial):
        compute = compute.func
    return code_hash(Path(inspect.getfile(compute)))


def shown_examples(
    prepared: Prepared, pool_hashes: Mapping[str, str], training: Mapping[str, Any], examples: int, run: int
) -> tuple[dict[str, Examples], dict[str, Examples]]:
    """By dataset, the examples of the base training that a run shows, and as many that the training did not use."""
    device = training["runtime"]["device"]
    shown, unseen = {}, {}
    for item in training["mixture"]["datasets"]:
        name, pool = item["name"], prepared.pools[item["name"]]
        own = min(item["slots"], len(pool))
        drawn = draw_examples(pool, own, examples, run, pool_hashes[name])
        shown[name] = Examples.whole(torch.from_numpy(drawn.astype(np.int64))).to(device)
        spare = pool[own : own + examples]
        if len(spare):
            unseen[name] = Examples.whole(torch.from_numpy(spare.astype(np.int64))).to(device)
    return shown, unseen


def load_trained(
    prepared: Prepared,
    pool_hashes: Mapping[str, str],
    training: Mapping[str, Any],
    folder: Path,
    spec: Mapping[str, Any],
    test: str,
) -> TrainedModel:
    """The trained model of a base training as one run of a method on one test set sees it.

    Args:
        training: the training job's specification.
        folder: the training's entry.
        spec: the estimate job's specification.
    """
    replay = replay_of(prepared, training)
    recipe, device = replay.recipe, replay.device
    model = replay.initial()
    steps = checkpoint_steps(recipe.steps, recipe.checkpoints)
    checkpoints = []
    for before, step in zip((0, *steps), steps, strict=False):
        lr = sum(recipe.learning_rate(index) for index in range(before, step))
        checkpoints.append(Checkpoint(step, lr, folder / f"step-{step}.safetensors"))
    load_parameters(model, load_file(checkpoints[-1].path))
    datasets, unseen = shown_examples(prepared, pool_hashes, training, spec["examples"], spec["run"])
    subsets = {name: as_examples(*arrays, device) for name, arrays in prepared.tests[test].items()}
    return TrainedModel(
        model=model.eval(),
        datasets=datasets,
        subsets=subsets,
        checkpoints=tuple(checkpoints),
        sizes={item["name"]: item["slots"] for item in training["mixture"]["datasets"]},
        recipe=recipe,
        seed=derive_seed("attribution", spec["training"], spec["run"]),
        unseen=unseen,
        replay=replay,
    )


class ForgettingMeter:
    """Measures each model that has unlearned a training dataset; what that costs is no part of the method's cost.

    Attributes:
        found: by dataset, the figures of `lodo.tasks.forgetting.Forgetting`.
        seconds: time spent measuring.
    """

    def __init__(self, trained: TrainedModel, meter: TokenMeter) -> None:
        self.trained, self.meter = trained, meter
        self.found: dict[str, dict[str, Any]] = {}
        self.seconds = 0.0

    def __call__(self, dataset: str, model: nn.Module) -> None:
        begun, forward, backward = time.perf_counter(), self.meter.forward, self.meter.backward
        self.found[dataset] = measure_forgetting(model, dataset, self.trained.datasets, self.trained.unseen)
        self.meter.forward, self.meter.backward = forward, backward
        self.seconds += time.perf_counter() - begun


def measure_forgetting(
    model: nn.Module, dataset: str, shown: Mapping[str, Examples], unseen: Mapping[str, Examples]
) -> dict[str, Any]:
    """What a model knows of a dataset's shown and unseen text, and of as much text of the others together."""
    others = [examples for name, examples in shown.items() if name != dataset]
    each = -(-len(shown[dataset]) // max(1, len(others)))
    kept = Examples(*(torch.cat([getattr(one[:each], part) for one in others]) for part in ("tokens", "scored")))
    return dataclasses.asdict(forgetting(model, shown[dataset], unseen.get(dataset), kept))


def peak_rss() -> int:
    """Most memory that this process has held, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
