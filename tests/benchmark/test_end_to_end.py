"""Leaving a dataset out raises exactly its own subset, from files of text through the whole pipeline to the tables."""

import random

import numpy as np
import pytest

from lodo.benchmark import evaluate

from .conftest import SETTINGS, WORDS, write_jsonl

# Long enough to learn four vocabularies of a few words each.
LEARNS = {**SETTINGS, "recipe.steps": 80, "recipe.batch_size": 8, "recipe.lr": 0.01, "task.examples": 24}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Four corpora in a folder, each in words of its own, and for each a subset of unseen sentences in its words."""
    folder, draw = tmp_path_factory.mktemp("text"), random.Random(0)

    def sentence(name, count):
        return " ".join(draw.choice(WORDS[name]) for _ in range(count))

    for name in WORDS:
        write_jsonl(folder / f"corpora/{name}.jsonl", [{"text": sentence(name, 12)} for _ in range(200)])
    rows = [{"text": sentence(name, 8), "subset": f"of the {name}"} for name in WORDS for _ in range(12)]
    write_jsonl(folder / "tests/places.jsonl", rows)
    return folder


@pytest.fixture(scope="module")
def tables(places, tmp_path_factory):
    """A function that runs the pipeline under a definition of leaving out; all share one store."""
    store = tmp_path_factory.mktemp("store")

    def run(definition):
        return evaluate(
            tmp_path_factory.mktemp("out"),
            store=store,
            data=places,
            tasks=["opt-equal/places"],
            methods=["graddot", "untrac"],
            settings=[f"{key}={value}" for key, value in LEARNS.items()],
            seeds=2,
            runs=1,
            definition=definition,
        ).tables

    return run


def square(rows):
    """(K, S) with each dataset's own subset on the diagonal."""
    grid = rows.pivot_table("influence", "dataset", "subset")
    return grid.loc[sorted(WORDS), [f"of the {name}" for name in sorted(WORDS)]].to_numpy()


@pytest.mark.slow
@pytest.mark.parametrize("definition", ["fixed-steps", "all-examples"])
def test_leaving_a_dataset_out_raises_its_own_subset_and_no_other(tables, definition):
    run = tables(definition)
    own = np.eye(len(WORDS), dtype=bool)
    for seed, rows in run.ground_truth.groupby("seed"):
        truth = square(rows)
        assert truth[own].min() > 0.5, (seed, truth)
        assert truth[~own].max() < 0.1 * truth[own].min(), (seed, truth)
    estimates = run.estimates.query("step.isna() or step == step.max()")
    for (method, seed), rows in estimates[estimates.method.isin(["graddot", "untrac"])].groupby(["method", "seed"]):
        influence = square(rows)
        assert (influence.argmax(0) == np.arange(len(WORDS))).all(), (method, seed, influence)
        assert influence[own].min() > 0, (method, seed, influence)
