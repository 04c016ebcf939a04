"""A small set of result tables with everything that a page must survive: a failing method, a flat subset, odd names."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lodo.reports.tables import Tables

HOSTILE = "<script>alert(1)</script>"
DATASETS = (HOSTILE, 'a.b[0] "q" & $x', "漢字", "plain")
SUBSETS = ("one", "two", "flat")
TRUTH = np.array([[1.0, 4.0, 0.0], [2.0, 3.0, 0.0], [3.0, 1.0, 0.0], [4.0, 2.0, 0.0]])


def scored(pearson: float | None, status: str = "ok", reason: str = "", **key: Any) -> dict[str, Any]:
    """A row of ``scores``."""
    row = {"task": "t", "method": "m", "hyperparameters": "{}", "truth": "mean", "seed": 0, "run": 0, "subset": "one"}
    return {**row, "pearson": pearson, "spearman": pearson, "status": status, "reason": reason, **key}


def known(model: str) -> dict[str, float | None]:
    """The figures of a row of ``forgetting``."""
    worse = {"trained": 1.0, "retrained": 2.0, "good": 4.0}[model]
    found: dict[str, float | None] = {"membership_auc": None if model == "good" else 0.5 + 0.1 / worse}
    for group, perplexity in (("forgotten", 10.0), ("approximate", 20.0), ("retained", 10.0)):
        found |= {f"{group}_perplexity": perplexity * worse, f"{group}_accuracy": 0.5 / worse}
    return found


def build(seeds: int = 2, runs: int = 2) -> Tables:
    """Tables of one task: methods good (with steps), random, dataset-size (constant), crashy (fails in run 0)."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in Tables.__annotations__ if name != "manifest"}
    draw = np.random.default_rng(0)
    for j, subset in enumerate(SUBSETS):
        found = None if seeds < 2 or subset == "flat" else 0.8
        reason = "" if found else "needs two seeds or more" if seeds < 2 else "truth is the same for every dataset"
        reliability = {"mean_r": found, "reliability": found, "ceiling": found, "reason": reason}
        rows["reliability"].append(
            {"task": "t", "definition": "fixed-steps", "subset": subset, "seeds": seeds} | reliability
        )
        rows["subsets"].append({"task": "t", "subset": subset, "examples": 9 + j, "wanted": 11, "tokens": 99})
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
                key = {"task": "t", "model": model, "hyperparameters": '{"lr":0.1}' if model == "good" else ""}
                rows["forgetting"].append({**key, "seed": seed, "dataset": dataset, **known(model)})
        for i, j in np.ndindex(TRUTH.shape):
            cell = {
                "task": "t",
                "definition": "fixed-steps",
                "seed": seed,
                "dataset": DATASETS[i],
                "subset": SUBSETS[j],
            }
            value = TRUTH[i, j]
            rows["ground_truth"].append(cell | {"base_loss": 5.0, "counterfactual_loss": 5 + value, "influence": value})
        for method in ("good", "random", "dataset-size", "crashy"):
            for run in range(runs):
                _method(rows, method, seed, run, draw)
    why = {"lr": {"reason": "tuned", "detail": f"on another task {HOSTILE}"}}
    methods = {"good": {"summary": HOSTILE, "paper": "Eq. 1", "provenance": why}}
    return Tables.from_rows(rows, {"scale": "mini", "methods": methods, "warnings": [HOSTILE]})


def _method(rows: dict[str, list[dict[str, Any]]], method: str, seed: int, run: int, draw: np.random.Generator) -> None:
    key = {"task": "t", "method": method, "hyperparameters": '{"lr":0.1}', "seed": seed, "run": run}
    for truth in ("mean", "own"):
        for subset in SUBSETS:
            value: float | None = 0.9 if method == "good" else 0.1
            status, reason = "ok", ""
            if method == "crashy" and run == 0:
                value, status, reason = None, "failed", f"diverged {HOSTILE}"
            elif subset == "flat":
                value, status, reason = None, "undefined", "truth is the same for every dataset"
            elif method == "dataset-size":
                value, status, reason = None, "undefined", "estimate is the same for every dataset"
            rows["scores"].append(scored(value, status, reason, **key, truth=truth, subset=subset))
    if method == "crashy" and run == 0:
        return
    for step in (1, 2) if method == "good" else (None,):
        for i, j in np.ndindex(TRUTH.shape):
            value = 1.0 if method == "dataset-size" else TRUTH[i, j] + draw.normal()
            cell = {"step": step, "dataset": DATASETS[i], "subset": SUBSETS[j], "influence": value}
            rows["estimates"].append({**key, **cell})
    cost = {"seconds": 1.0 + run, "peak_rss": 10**9 * (1 + run), "tokens": 5, "training_equivalents": 0.5}
    rows["costs"].append({"task": "t", "method": method, "seed": seed, "run": run} | cost)


@pytest.fixture(scope="package")
def tables() -> Tables:
    """Two seeds, two runs."""
    return build()


@pytest.fixture(scope="package")
def make_tables() -> Callable[..., Tables]:
    """`build`, for tests that want other seeds and runs."""
    return build


@pytest.fixture(scope="package")
def row() -> Callable[..., dict[str, Any]]:
    """`scored`: makes a row of ``scores``."""
    return scored
