"""Derived tables: what follows from the facts of a run by arithmetic alone. Needs no plan, no store and no models."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from lodo.reports.scoring import NEEDS_SEEDS, correlate, reliability, varies

Question = Literal["as_in_paper", "mixture-aware"]
Reading = Literal["own", "others"]
QUESTIONS: tuple[Question, ...] = get_args(Question)
READINGS: tuple[Reading, ...] = get_args(Reading)
ATTEMPT = ["task", "method", "hyperparameters", "seed", "run"]
UNDESCRIBED = "estimate cannot be read so: the tables lack its method's or its datasets' description"


def mixture_aware(influence: np.ndarray, slots: np.ndarray, definition: str) -> np.ndarray:
    """Influence per unit of a dataset made that of leaving the whole dataset out of its mixture.

    a_js is minus the derivative of the test loss by dataset j's share of the training, so -(n_j / N) a_js is the one by
    the weight of its sequences. Leaving k out takes that weight from 1 to 0; with "fixed-steps" the others fill its
    slots, which takes theirs to 1 + n_k / (N - n_k). To first order (the arithmetic of `lodo.methods.magic`)

        influence'_ks = (n_k / N) a_ks - n_k / (N - n_k) sum_{j != k} (n_j / N) a_js = n_k / (N - n_k) (a_ks - mean_s)

    with mean_s = sum_j (n_j / N) a_js; with "all-examples" nobody fills them and influence'_ks = (n_k / N) a_ks.

    Args:
        influence: (…, K, S), positive = leaving the dataset out raises the test loss.
        slots: (K,) n_k, of N in all.
        definition: "fixed-steps" or "all-examples".
    """
    share = (slots / slots.sum())[:, None]
    if definition == "all-examples":
        return np.asarray(share * influence)
    mean = (share * influence).sum(axis=-2, keepdims=True)
    # What is the same for every dataset leaves rounding alone, which must not be taken for an order.
    centred = np.where(varies(influence)[..., None, :] | np.isnan(influence), influence - mean, 0.0)
    return np.asarray(share / (1 - share) * centred)


def other_seeds(truth: np.ndarray) -> np.ndarray:
    """By seed, the average of the other seeds' truths, (n, K, S) to (n, K, S); NaN where there is no other seed."""
    if len(truth) < 2:
        return np.full_like(truth, np.nan)
    return np.stack([np.delete(truth, seed, axis=0).mean(axis=0) for seed in range(len(truth))])


def final_estimates(estimates: pd.DataFrame) -> pd.DataFrame:
    """The rows that count as the estimate: after the last step, or all of a method without steps."""
    step = estimates["step"].astype("Float64").fillna(-1).astype(float)
    return estimates[step == step.groupby([estimates[name] for name in ATTEMPT]).transform("max")]


@dataclass(frozen=True)
class TaskFacts:
    """One task's truth and estimates as arrays.

    Attributes:
        task: its name.
        seeds, datasets, subsets: n, K and S labels, sorted.
        truth: (n, K, S), nats per token.
        attempts: A rows with the columns of `ATTEMPT`, one for each run that gave an estimate.
        influence: (A, K, S), the methods' own units, NaN where there is none.
        slots: (K,) how many of the training's slots a dataset filled; NaN where the tables do not say.
        definition: "fixed-steps" or "all-examples".
    """

    task: str
    seeds: list[int]
    datasets: list[str]
    subsets: list[str]
    truth: np.ndarray
    attempts: pd.DataFrame
    influence: np.ndarray
    slots: np.ndarray
    definition: str

    def answer(self, question: Question, whole: Mapping[str, bool]) -> np.ndarray:
        """Estimates (A, K, S) as read under a question; NaN where it cannot be told how to read them.

        Args:
            whole: by method, whether its answer already counts how large a dataset is and who refills its slots.
        """
        if question == "as_in_paper":
            return self.influence
        adapted = mixture_aware(self.influence, self.slots, self.definition)
        counts = self.attempts["method"].map(dict(whole)).to_numpy(float)[:, None, None]
        return np.where(counts == 1, self.influence, np.where(counts == 0, adapted, np.nan))

    def reading(self, truth: Reading) -> np.ndarray:
        """The truth (A, K, S) with which each attempt is compared: of its own seed or of the others; NaN if unknown."""
        by_seed = self.truth if truth == "own" else other_seeds(self.truth)
        unknown = np.full((1, *by_seed.shape[1:]), np.nan)
        place = pd.Index(self.seeds).get_indexer(pd.Index(self.attempts["seed"]))
        return np.concatenate([by_seed, unknown])[place]


def task_facts(ground_truth: pd.DataFrame, estimates: pd.DataFrame, datasets: pd.DataFrame) -> Iterator[TaskFacts]:
    """The facts of every task that has a truth, in order."""
    final = final_estimates(estimates)
    for task, rows in ground_truth.groupby("task", sort=True):
        labels = [sorted(rows[name].unique().tolist()) for name in ("seed", "dataset", "subset")]
        seeds, names, subsets = labels
        cells = pd.MultiIndex.from_product([names, subsets])
        truth = rows.set_index(["seed", "dataset", "subset"])["influence"].unstack(["dataset", "subset"])
        mine = final[final["task"] == task].set_index([*ATTEMPT, "dataset", "subset"])["influence"]
        wide = mine.unstack(["dataset", "subset"]).reindex(columns=cells)
        sizes = datasets[datasets["task"] == task].set_index("dataset")["slots"].reindex(names)
        yield TaskFacts(
            str(task),
            seeds,
            names,
            subsets,
            truth.reindex(index=seeds, columns=cells).to_numpy(float).reshape(-1, len(names), len(subsets)),
            wide.index.to_frame(index=False),
            wide.to_numpy(float).reshape(-1, len(names), len(subsets)),
            sizes.to_numpy(dtype=float, na_value=np.nan),
            str(rows["definition"].iloc[0]),
        )


def derive_scores(
    ground_truth: pd.DataFrame, estimates: pd.DataFrame, datasets: pd.DataFrame, whole: Mapping[str, bool]
) -> pd.DataFrame:
    """The table ``scores``: every estimate under every question, against every reading of the truth."""
    frames = [
        _scores(facts, question, reading, whole)
        for facts in task_facts(ground_truth, estimates, datasets)
        for question in QUESTIONS
        for reading in READINGS
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _scores(facts: TaskFacts, question: Question, reading: Reading, whole: Mapping[str, bool]) -> pd.DataFrame:
    estimate, truth = facts.answer(question, whole), facts.reading(reading)
    pearson, spearman = correlate(estimate, truth)
    lone = reading == "others" and len(facts.seeds) < 2
    complete = ~np.isnan(facts.influence).any(axis=1)
    reason = np.select(
        [
            np.full(pearson.shape, lone),
            np.isnan(truth).any(axis=1),
            ~varies(truth),
            ~complete,
            np.isnan(estimate).any(axis=1),
            ~varies(estimate),
        ],
        [
            f"truth {NEEDS_SEEDS}",
            "truth is not known for every dataset",
            "truth is the same for every dataset",
            "estimate lacks some of the datasets",
            UNDESCRIBED,
            "estimate is the same for every dataset",
        ],
        default="",
    )
    count = len(facts.subsets)
    frame = facts.attempts.loc[facts.attempts.index.repeat(count)].reset_index(drop=True)
    frame = frame.assign(
        question=question,
        truth=reading,
        subset=np.tile(np.array(facts.subsets, dtype=object), len(facts.attempts)),
        pearson=pearson.ravel(),
        spearman=spearman.ravel(),
        status=np.where(reason == "", "ok", "undefined").ravel(),
        reason=reason.ravel(),
    )
    given: pd.DataFrame = frame[~np.isnan(facts.influence).all(axis=1).ravel()]
    return given


def answers(
    ground_truth: pd.DataFrame,
    estimates: pd.DataFrame,
    datasets: pd.DataFrame,
    whole: Mapping[str, bool],
    question: Question,
    reading: Reading,
) -> pd.DataFrame:
    """Estimates as a question reads them, beside the truth that they are compared with.

    The columns of `ATTEMPT`, ``dataset``, ``subset``, ``influence`` and ``truth``; either may be NaN.
    """
    frames = []
    for facts in task_facts(ground_truth, estimates, datasets):
        cells = pd.MultiIndex.from_product([facts.datasets, facts.subsets], names=["dataset", "subset"])
        frame = facts.attempts.loc[facts.attempts.index.repeat(len(cells))].reset_index(drop=True)
        places = cells.to_frame(index=False)
        tiled = places.loc[np.tile(places.index, len(facts.attempts))].reset_index(drop=True)
        values = {"influence": facts.answer(question, whole).ravel(), "truth": facts.reading(reading).ravel()}
        frames.append(pd.concat([frame, tiled], axis=1).assign(**values))
    empty = pd.DataFrame(columns=[*ATTEMPT, "dataset", "subset", "influence", "truth"])
    return pd.concat(frames, ignore_index=True) if frames else empty


def derive_reliability(ground_truth: pd.DataFrame) -> pd.DataFrame:
    """The table ``reliability``: how well the seeds agree on the truth of each subset."""
    rows: list[dict[str, Any]] = []
    for (task, definition, subset), cells in ground_truth.groupby(["task", "definition", "subset"], sort=True):
        truths = cells.set_index(["seed", "dataset"])["influence"].unstack("dataset").to_numpy(float)
        figures = reliability(list(truths))
        rows.append(
            {
                "task": task,
                "definition": definition,
                "subset": subset,
                "seeds": len(truths),
                "mean_r": figures.mean_r,
                "reliability": figures.reliability,
                "reason": figures.reason,
            }
        )
    return pd.DataFrame(rows)


def whole_methods(manifest: Mapping[str, Any]) -> dict[str, bool]:
    """By method, the manifest's word on whether it answers for whole datasets; methods that it passes over are out."""
    methods = manifest.get("methods")
    described = methods.items() if isinstance(methods, Mapping) else ()
    return {name: bool(about["whole"]) for name, about in described if isinstance(about, Mapping) and "whole" in about}
