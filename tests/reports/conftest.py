"""A small set of result tables with everything that a page must survive: a failing method, a flat subset, odd names."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lodo.reports.schema import FACTS, RETRAINING
from lodo.reports.tables import Tables

HOSTILE = "<script>alert(1)</script>"
DATASETS = (HOSTILE, 'a.b[0] "q" & $x', "漢字", "plain")
SUBSETS = ("one", "two", "flat")
TRUTH = np.array([[1.0, 4.0, 0.0], [2.0, 3.0, 0.0], [3.0, 1.0, 0.0], [4.0, 2.0, 0.0]])
SETTINGS = '{"lr":0.1}'
METHODS = ("good", "random", "dataset-size", "crashy")


def scored(pearson: float | None, status: str = "ok", reason: str = "", **key: Any) -> dict[str, Any]:
    """A row of ``scores``."""
    row = {"task": "t", "method": "m", "hyperparameters": "{}", "question": "as_in_paper", "truth": "others"}
    row |= {"seed": 0, "run": 0, "subset": "one"}
    return {**row, "pearson": pearson, "spearman": pearson, "status": status, "reason": reason, **key}


def attempted(cause: str = "", **key: Any) -> dict[str, Any]:
    """A row of ``attempts``: one that failed if there is a cause."""
    row: dict[str, Any] = {"task": "t", "method": "m", "hyperparameters": "{}", "seed": 0, "run": 0}
    row |= {"status": "failed" if cause else "ok", "cause": cause}
    cost = {"seconds": 1.0, "peak_rss": 10**9, "tokens": 5, "training_equivalents": 0.5}
    return {**row, **(dict.fromkeys(cost) if cause else cost), **key}


def facts(
    truth: np.ndarray,
    estimates: Mapping[str, np.ndarray],
    slots: tuple[int, ...] = (),
    task: str = "t",
    definition: str = "fixed-steps",
) -> dict[str, list[dict[str, Any]]]:
    """Rows of one task: its truth (n, K, S), estimates by method (n, runs, K, S), attempts, and sizes of d0, d1, …"""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in FACTS}
    names, subsets = ([f"{letter}{i}" for i in range(size)] for letter, size in zip("ds", truth.shape[1:], strict=True))
    for seed, i, j in np.ndindex(truth.shape):
        cell = {"task": task, "definition": definition, "seed": seed, "dataset": names[i], "subset": subsets[j]}
        losses = {"base_loss": 5.0, "counterfactual_loss": 5.0 + truth[seed, i, j], "influence": truth[seed, i, j]}
        rows["ground_truth"].append({**cell, **losses})
    for method, influence in estimates.items():
        for seed, run in np.ndindex(influence.shape[:2]):
            key = {"task": task, "method": method, "hyperparameters": "{}", "seed": seed, "run": run}
            rows["attempts"].append(attempted(**key))
            for i, j in np.ndindex(influence.shape[2:]):
                cell = {
                    "step": None,
                    "dataset": names[i],
                    "subset": subsets[j],
                    "influence": influence[seed, run, i, j],
                }
                rows["estimates"].append({**key, **cell})
    sizes = slots or (1,) * len(names)
    rows["datasets"] = [{"task": task, "dataset": name, "slots": n} for name, n in zip(names, sizes, strict=True)]
    return rows


def known(model: str) -> dict[str, float | None]:
    """The figures of a row of ``forgetting``."""
    worse = {"trained": 1.0, "retrained": 2.0, "good": 4.0}[model]
    figures: dict[str, float | None] = {"membership_auc": None if model == "good" else 0.5 + 0.1 / worse}
    for group, perplexity in (("forgotten", 10.0), ("approximate", 20.0), ("retained", 10.0)):
        figures |= {f"{group}_perplexity": perplexity * worse, f"{group}_accuracy": 0.5 / worse}
    return figures


def build(seeds: int = 2, runs: int = 2, slots: tuple[int, ...] = (10, 10, 10, 10)) -> Tables:
    """Tables of one task: methods good (with steps), random, dataset-size (constant), crashy (fails in run 0)."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in FACTS}
    draw = np.random.default_rng(0)
    for j, subset in enumerate(SUBSETS):
        rows["subsets"].append({"task": "t", "subset": subset, "examples": 9 + j, "wanted": 11, "tokens": 99})
    rows["datasets"] = [{"task": "t", "dataset": name, "slots": n} for name, n in zip(DATASETS, slots, strict=True)]
    for seed in range(seeds):
        for name in (None, *DATASETS):
            losses = {
                "untrained_loss": 8.0 if name is None else None,
                "test_loss": 5.0,
                "first_loss": 8.0,
                "last_loss": 4.0,
            }
            counts = {"steps": 10, "tokens": 100, "repeats": 0 if name is None else 7}
            rows["trainings"].append({"task": "t", "seed": seed, "left_out": name} | counts | losses)
        for model in ("trained", "retrained", "good"):
            for dataset in DATASETS:
                key = {"task": "t", "model": model, "hyperparameters": SETTINGS if model == "good" else ""}
                rows["forgetting"].append({**key, "seed": seed, "dataset": dataset, **known(model)})
        # The seeds agree but for one pair of datasets, which they swap.
        truth = TRUTH[[1, 0, 2, 3]] if seed % 2 else TRUTH
        for i, j in np.ndindex(truth.shape):
            cell = {
                "task": "t",
                "definition": "fixed-steps",
                "seed": seed,
                "dataset": DATASETS[i],
                "subset": SUBSETS[j],
            }
            value = truth[i, j]
            rows["ground_truth"].append(cell | {"base_loss": 5.0, "counterfactual_loss": 5 + value, "influence": value})
        _method(rows, RETRAINING, seed, 0, truth, "{}")
        for method in METHODS:
            for run in range(runs):
                noise = draw.normal(size=truth.shape)
                guess = {"dataset-size": np.ones(truth.shape), "good": truth + 0.1 * noise}.get(method, noise)
                _method(rows, method, seed, run, guess, SETTINGS)
    why = {"lr": {"reason": "tuned", "detail": f"on another task {HOSTILE}"}}
    methods = {
        "good": {"summary": HOSTILE, "paper": "Eq. 1", "provenance": why, "whole": False},
        **{name: {"whole": False} for name in ("crashy",)},
        **{name: {"whole": True, "reference": True} for name in ("random", "dataset-size", RETRAINING)},
    }
    return Tables.from_rows(rows, {"scale": "mini", "methods": methods, "warnings": [HOSTILE]})


def _method(
    rows: dict[str, list[dict[str, Any]]], method: str, seed: int, run: int, guess: np.ndarray, settings: str
) -> None:
    key = {"task": "t", "method": method, "hyperparameters": settings, "seed": seed, "run": run}
    if method == "crashy" and run == 0:
        rows["attempts"].append(attempted(f"diverged {HOSTILE}", **key))
        return
    for step in (1, 2) if method == "good" else (None,):
        for i, j in np.ndindex(guess.shape):
            cell = {"step": step, "dataset": DATASETS[i], "subset": SUBSETS[j], "influence": guess[i, j]}
            rows["estimates"].append({**key, **cell})
    cost: dict[str, Any] = {"seconds": 1.0 + run, "peak_rss": 10**9 * (1 + run)}
    if method == RETRAINING:
        cost |= {"peak_rss": None, "training_equivalents": 4.0}
    rows["attempts"].append(attempted(**key, **cost))


@pytest.fixture(scope="package")
def tables() -> Tables:
    """Two seeds, two runs."""
    return build()


@pytest.fixture(scope="package")
def make_tables() -> Callable[..., Tables]:
    """`build`, for tests that want other seeds, runs and sizes."""
    return build


@pytest.fixture(scope="package")
def row() -> Callable[..., dict[str, Any]]:
    """`scored`: makes a row of ``scores``."""
    return scored


@pytest.fixture(scope="package")
def attempt() -> Callable[..., dict[str, Any]]:
    """`attempted`: makes a row of ``attempts``."""
    return attempted


@pytest.fixture(scope="package")
def make_facts() -> Callable[..., dict[str, list[dict[str, Any]]]]:
    """`facts`: rows from arrays of truth and estimates."""
    return facts


@pytest.fixture(scope="package")
def frame() -> Callable[[list[dict[str, Any]]], pd.DataFrame]:
    """Rows as a frame."""
    return pd.DataFrame
