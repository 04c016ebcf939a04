"""Builds what a method may see of a training: the trained model, its examples, its checkpoints."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from lodo.benchmark.replaying import replay_of
from lodo.benchmark.shown import shown_examples
from lodo.benchmark.specifications import EstimateSpec, TrainingSpec, content_of
from lodo.tasks.likelihood import Examples
from lodo.tasks.prepare import Prepared
from lodo.tasks.replay import Replay
from lodo.tasks.seeds import derive_seed
from lodo.tasks.trained import Checkpoint, TrainedModel
from lodo.tasks.training import checkpoint_steps


def trained_model(
    replay: Replay,
    folder: Path,
    datasets: Mapping[str, Examples],
    subsets: Mapping[str, Examples],
    sizes: Mapping[str, int],
    seed: int,
    training_seed: int,
    unseen: Mapping[str, Examples] | None = None,
) -> TrainedModel:
    """A finished training as one run of a method on one test set sees it.

    Args:
        folder: where the training over ``replay`` left its checkpoints.
        datasets: the examples shown, in the order of the mixture.
        seed, training_seed: of the run and of what is the same in every run; see `TrainedModel`.
    """
    recipe = replay.recipe
    steps = checkpoint_steps(recipe.steps, recipe.checkpoints)
    checkpoints = tuple(
        Checkpoint(step, sum(map(recipe.learning_rate, range(before, step))), folder / f"step-{step}.safetensors")
        for before, step in zip((0, *steps), steps, strict=False)
    )
    model = replay.initial()
    checkpoints[-1].load_into(model)
    return TrainedModel(
        model=model.eval(),
        datasets=datasets,
        subsets=subsets,
        checkpoints=checkpoints,
        sizes=sizes,
        recipe=recipe,
        seed=seed,
        training_seed=training_seed,
        unseen=unseen or {},
        replay=replay,
        architecture=replay.spec,
    )


def load_trained(
    prepared: Prepared,
    pool_hashes: Mapping[str, str],
    training: TrainingSpec,
    folder: Path,
    spec: EstimateSpec,
    test: str,
) -> TrainedModel:
    """The trained model of a base training as an estimate's method sees it.

    Args:
        folder: the training's entry.
        test: name of the test set.
    """
    datasets, unseen = shown_examples(prepared, pool_hashes, training, spec.examples, spec.run)
    device = training.runtime.device
    trained = trained_model(
        replay_of(prepared, training),
        folder,
        datasets,
        {name: Examples.of(subset, device) for name, subset in prepared.tests[test].items()},
        {item.name: item.slots for item in training.mixture.datasets},
        derive_seed("attribution", content_of(training), spec.run),
        derive_seed("attribution", content_of(training)),
        unseen,
    )
    return dataclasses.replace(trained, definition=spec.definition or trained.definition)
