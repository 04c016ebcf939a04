"""Scores of subsets at once are those of each subset alone, reasons and all."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lodo.reports.leaving import answered
from lodo.reports.site.failing import Failing
from lodo.reports.site.subset_scores import subset_scores
from lodo.reports.tables import Tables
from lodo.reports.uncertainty import again, score

Facts = dict[str, list[dict[str, Any]]]


@pytest.mark.parametrize("reading", ["own", "others"])
@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
def test_at_once_is_one_by_one(make_facts: Callable[..., Facts], seeds: int, reading: Any) -> None:
    draw = np.random.default_rng(seeds)
    truth = draw.normal(size=(seeds, 6, 5))
    truth[:, :, 1] = truth[:1, :, 1]  # seeds that agree in full
    noise = draw.normal(size=(seeds, 2, 6, 5))
    flat, exact = noise.copy(), noise.copy()
    flat[..., 2] = 1.0 + 1e-13 * noise[..., 2]  # no more than rounding
    flat[0, 0, :, 3] = 2.0
    exact[..., 1] = truth[:, None, :, 1]
    rows = make_facts(truth, {"plain": noise, "flat": flat, "exact": exact, "lacking": noise, "one": noise[:, :1]})
    lost = next(row for row in rows["estimates"] if row["method"] == "lacking")
    rows["estimates"].remove(lost)
    given = answered(Tables.from_rows(rows, {}), "as_in_paper", reading)
    here = {pair: own["t"] for pair, own in given.items()}
    made = subset_scores(here, reading)
    assert list(made) == list(here)
    reasons = set()
    for pair, own in here.items():
        for index, (value, ends) in enumerate(made[pair]):
            estimates, truths = own.estimates[..., index : index + 1], own.truth[..., index : index + 1]
            alone = again(estimates, truths, reading)
            assert ends.reason == alone.reason
            for one, other in ((ends.low, alone.low), (ends.high, alone.high)):
                assert one == (None if other is None else pytest.approx(other, rel=1e-9))
            reasons.add(ends.reason)
            if ends.reason.startswith("estimate") or (seeds == 1 and reading == "others"):
                assert np.isnan(value)
            else:
                with np.errstate(invalid="ignore"):
                    assert value == pytest.approx(float(score(estimates, truths, reading)), nan_ok=True)
    assert ("" in reasons) == (seeds > 1)
    assert seeds == 1 or "estimate is the same for every dataset" in reasons


def test_failures_are_counted_by_cause_and_task(
    make_tables: Callable[..., Tables], attempt: Callable[..., Any]
) -> None:
    rows = [attempt("a", task="t", seed=seed) for seed in (0, 1)] + [attempt("b", task="u"), attempt(task="u", run=1)]
    failing = Failing.of(Tables.from_rows({"attempts": rows}, {}).attempts)
    pair = ("m", "{}")
    both = failing.failures(pair, ["t", "u"])
    assert [(failure.cause, failure.count, failure.of) for failure in both] == [("a", 2, 4), ("b", 1, 4)]
    (one,) = failing.failures(pair, ["t"])
    assert (one.of, one.places) == (2, ["seed 0, run 0", "seed 1, run 0"])
    assert failing.failures(("other", "{}"), ["t"]) == []
