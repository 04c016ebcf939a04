"""Builds what a method may see from the store's entries: the trained model, its examples, its checkpoints."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from lodo.benchmark.replaying import replay_of
from lodo.benchmark.shown import as_examples, shown_examples
from lodo.tasks.prepare import Prepared
from lodo.tasks.seeds import derive_seed
from lodo.tasks.trained import Checkpoint, TrainedModel
from lodo.tasks.training import checkpoint_steps, load_parameters


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
        training_seed=derive_seed("attribution", spec["training"]),
        unseen=unseen,
        replay=replay,
        definition=spec.get("definition", "fixed-steps"),
    )
