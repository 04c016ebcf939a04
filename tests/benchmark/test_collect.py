"""The facts of a run are those of its store's entries: every loss, estimate and cost under its own name and seed."""

from collections import Counter

import numpy as np
import pytest
from rich.console import Console

from lodo.benchmark.collect import collect
from lodo.benchmark.manifest import manifest
from lodo.benchmark.pipeline import make_request, plan_request
from lodo.benchmark.store import Store
from lodo.reports.tables import Tables

from .conftest import SETTINGS
from .made_up import entry

NAMES = ("sea", "sky", "town", "wood")
SUBSETS = ("sea", "wood")


def loss_of(seed, left_out, subset):
    """A test loss that no other (seed, left-out dataset, subset) has."""
    return (
        5 + 0.5 * seed + (0 if left_out is None else (1 + NAMES.index(left_out)) ** 2) * (2 if subset == "sea" else -1)
    )


def influence_of(seed, run):
    return np.arange(8.0).reshape(4, 2) + 10 * seed + 100 * run


@pytest.fixture
def planned(text, tmp_path):
    """A store in which everything of a plan is made up, so that each number is known; run 1 of seed 1 failed."""
    settings = [f"{key}={value}" for key, value in SETTINGS.items()]
    request = make_request(
        tasks=["opt-different/places"], methods=["graddot"], settings=settings, data=text, seeds=2, runs=2
    )
    store = Store(tmp_path / "store")
    plan = plan_request(request, store, 1, Console(quiet=True))
    for cell in plan.cells:
        for index, (left_out, job) in enumerate([(None, cell.base), *cell.left_out.items()]):
            log = {"losses": [6.0] * 19 + [4.0], "tokens": 1000 + 100 * index, "repeats": index}
            entry(store, job, log=log, spent=2.0 + index)
            for subset in SUBSETS:
                entry(store, cell.losses[left_out, subset], loss={"loss": loss_of(cell.seed, left_out, subset)})
            known = {"forgotten_perplexity": 1.0 + index, "forgotten_accuracy": 0.5, "retained_perplexity": 2.0}
            known |= {"retained_accuracy": 0.5, "approximate_perplexity": None, "approximate_accuracy": None}
            names = NAMES if left_out is None else (left_out,)
            figures = {name: {**known, "membership_auc": None} for name in names}
            entry(store, cell.forgetting[left_out], forgetting=figures)
        for subset in SUBSETS:
            entry(store, cell.untrained[subset], loss={"loss": 8.0})
        for (_, run), job in cell.estimates.items():
            if store.has(job):  # what reads no seed's model is the same job for all
                continue
            if (cell.seed, run) == (1, 1):
                entry(store, job, failure={"cause": "diverged"})
                continue
            answer = {"influence": influence_of(cell.seed, run).tolist(), "steps": None}
            answer |= {"datasets": NAMES, "subsets": SUBSETS}
            cost = {"seconds": 1.0 + run, "peak_rss": 7, "tokens": 9, "training_equivalents": 0.25}
            entry(store, job, estimate=answer, cost=cost)
        for job in cell.unlearned.values():
            if not store.has(job):
                entry(store, job, forgetting={})
    return store, plan


@pytest.fixture
def tables(planned):
    store, plan = planned
    return Tables.from_rows(collect(store, plan), manifest(plan.request, plan))


def test_the_truth_is_the_loss_without_the_dataset_less_the_base_loss(tables):
    assert len(tables.ground_truth) == 2 * 4 * 2
    for row in tables.ground_truth.itertuples():
        assert row.base_loss == loss_of(row.seed, None, row.subset)
        assert row.counterfactual_loss == loss_of(row.seed, row.dataset, row.subset)
        assert row.influence == row.counterfactual_loss - row.base_loss


def test_estimates_stand_under_their_own_names(tables):
    rows = tables.estimates.query("method == 'graddot'")
    assert len(rows) == 3 * 8
    for row in rows.itertuples():
        assert row.influence == influence_of(row.seed, row.run)[NAMES.index(row.dataset), SUBSETS.index(row.subset)]


def test_an_attempt_is_a_row_whatever_came_of_it(tables):
    rows = tables.attempts.query("method == 'graddot'").set_index(["seed", "run"])
    assert rows["status"].to_dict() == {(0, 0): "ok", (0, 1): "ok", (1, 0): "ok", (1, 1): "failed"}
    assert rows["cause"].to_dict()[1, 1] == "diverged"
    assert rows.loc[(1, 1), ["seconds", "peak_rss", "tokens", "training_equivalents"]].isna().all()
    assert rows.loc[(0, 1), ["seconds", "peak_rss", "tokens", "training_equivalents"]].tolist() == [2.0, 7, 9, 0.25]
    assert Counter(tables.attempts["method"]) == {"graddot": 4, "random": 4, "dataset-size": 4, "retraining": 2}


def test_the_own_truth_is_that_of_the_attributed_seed(planned, tables):
    """Truths that differ from seed to seed: a score against the own one is none against seed 0's."""
    truth = tables.ground_truth
    shuffled = truth.assign(influence=np.where(truth["seed"] == 1, np.cos(5 * truth["influence"]), truth["influence"]))
    moved = Tables.of({"ground_truth": shuffled, "estimates": tables.estimates, "datasets": tables.datasets}, {})
    estimate = influence_of(1, 0)[:, 0]
    own = shuffled.query("seed == 1 and subset == 'sea'").set_index("dataset")["influence"].loc[list(NAMES)]
    (pearson,) = moved.scores.query(
        "method == 'graddot' and truth == 'own' and seed == 1 and run == 0 and subset == 'sea' "
        "and question == 'as_in_paper'"
    )["pearson"]
    assert pearson == pytest.approx(np.corrcoef(estimate, own)[0, 1])


def test_retraining_is_the_truth_at_the_cost_of_all_counterfactuals(tables):
    truth = tables.ground_truth.set_index(["seed", "dataset", "subset"])["influence"]
    rows = tables.estimates.query("method == 'retraining'")
    assert rows.set_index(["seed", "dataset", "subset"])["influence"].to_dict() == truth.to_dict()
    assert set(rows["run"]) == {0}
    for cost in tables.attempts.query("method == 'retraining'").itertuples():
        assert (cost.tokens, cost.training_equivalents) == (1100 + 1200 + 1300 + 1400, 5.0)
        assert cost.seconds == 3.0 + 4.0 + 5.0 + 6.0
    about = tables.manifest["methods"]["retraining"]
    assert about["reference"]
    assert about["whole"]
    assert "1 by construction" in about["summary"]
    assert tables.manifest["methods"]["graddot"]["whole"] is False


def test_trainings_and_sizes(planned, tables):
    _, plan = planned
    rows = tables.trainings.query("seed == 1").set_index(tables.trainings.query("seed == 1")["left_out"].fillna("none"))
    assert rows["repeats"].to_dict() == {"none": 0, "sea": 1, "sky": 2, "town": 3, "wood": 4}
    for left_out in (None, *NAMES):
        wanted = np.mean([loss_of(1, left_out, subset) for subset in SUBSETS])
        assert rows["test_loss"][left_out or "none"] == pytest.approx(wanted)
    assert rows["untrained_loss"].dropna().to_dict() == {"none": 8.0}
    assert set(rows["last_loss"]) == {4.0}
    slots = {item.name: item.slots for item in plan.tasks[0].mixture.datasets}
    assert tables.datasets.set_index("dataset")["slots"].to_dict() == slots
    assert len(set(slots.values())) > 1


def test_what_a_retrained_model_knows_is_that_of_the_dataset_it_lacks(tables):
    rows = tables.forgetting.query("seed == 0 and model == 'retrained'").set_index("dataset")["forgotten_perplexity"]
    assert rows.to_dict() == {"sea": 2.0, "sky": 3.0, "town": 4.0, "wood": 5.0}
    assert set(tables.forgetting.query("model == 'trained'")["forgotten_perplexity"]) == {1.0}


@pytest.mark.parametrize(("method", "reads"), [("graddot", False), ("magic", True)])
def test_the_definition_is_part_of_an_estimate_only_where_a_method_reads_it(text, tmp_path, method, reads):
    keys = []
    for definition in ("fixed-steps", "all-examples"):
        settings = [f"{key}={value}" for key, value in SETTINGS.items()]
        request = make_request(
            tasks=["opt-equal/places"], methods=[method], settings=settings, data=text, definition=definition
        )
        plan = plan_request(request, Store(tmp_path / "store"), 1, Console(quiet=True))
        keys.append(plan.cells[0].estimates[0, 0].key)
    assert (keys[0] != keys[1]) is reads
