"""Standings against Student's paired test, corrections by hand, and how often means over families are held."""

import numpy as np
import pytest
from scipy import stats

from lodo.reports.coverage import Cell, draw_seeds, draw_worlds
from lodo.reports.leaving import Answered, again_over, answered, mean_score
from lodo.reports.standings import standings
from lodo.reports.summary import summarise
from lodo.reports.tables import Tables
from lodo.reports.uncertainty import generator, score

K, S = 8, 3
SIGNAL = generator("signal").standard_normal((K, S))


def guess(seed, size, *purpose):
    """Estimates (K, S) of the signal, with noise of a size."""
    return SIGNAL + size * generator(seed, *purpose).standard_normal((K, S))


def tables_of(make_facts, methods, seeds=3, truth=None, task="f/t"):
    """Tables of a task with one truth for all seeds; by method, the size of its noise or its estimates (n, K, S)."""
    truth = np.stack([SIGNAL] * seeds) if truth is None else truth
    estimates = {
        name: np.stack([guess(seed, size, name) for seed in range(seeds)])[:, None]
        if isinstance(size, float)
        else np.asarray(size)[:, None]
        for name, size in methods.items()
    }
    return Tables.from_rows(make_facts(truth, {"retraining": truth[:, None], **estimates}, task=task), {})


def stand(tables, **options):
    return {row.pair[0]: row for row in standings(tables, summarise(tables), **options)}


def by_seed(tables, method):
    (parts,) = [parts for pair, parts in answered(tables, "as_in_paper", "others").items() if pair[0] == method]
    part = parts["f/t"]
    return np.array([float(score(part.estimates[[i]], part.truth[[i]], "own")) for i in range(len(part.seeds))])


def test_with_one_truth_for_all_seeds_a_difference_is_student_s_paired_test(make_facts):
    tables = tables_of(make_facts, {"a": 0.5, "b": 1.0})
    rows = stand(tables)
    test = stats.ttest_rel(by_seed(tables, "b"), by_seed(tables, "a"))
    gap = rows["b"].place.to_best
    assert rows["a"].place.to_best is None
    assert gap.p == pytest.approx(test.pvalue, rel=1e-6)
    ends = test.confidence_interval(0.95)
    assert (gap.low, gap.high) == pytest.approx((ends.low, ends.high), rel=1e-6)
    assert gap.value == pytest.approx(rows["b"].score - rows["a"].score)


def test_what_moves_both_methods_alike_does_not_part_them(make_facts):
    noise = [0.6 * generator(seed, "noise").standard_normal((K, S)) for seed in range(3)]
    shift = 0.1 * generator("shift").standard_normal((K, S))
    both = {"a": [SIGNAL + one for one in noise], "b": [SIGNAL + one + shift for one in noise]}
    rows = stand(tables_of(make_facts, both))
    apart = rows["a"].again.high - rows["a"].again.low
    gap = rows["b"].place.to_best or rows["a"].place.to_best
    assert gap.high - gap.low < 0.5 * apart


def test_places_groups_and_corrections_by_hand(make_facts):
    tables = tables_of(make_facts, {"a": 0.3, "b": 0.31, "c": 3.0, "d": 3.1, "random": 1e6}, seeds=6)
    rows = stand(tables)
    order = [name for name in rows if name not in ("random", "retraining")]
    assert {*order[:2]} == {"a", "b"}
    assert [rows[name].place.group for name in order] == [1, 1, 2, 2]
    assert [rows[name].place.rank for name in order] == [(1, 2), (1, 2), (3, 4), (3, 4)]
    # Holm (1979) by hand: sorted p times 3, 2, 1, never falling.
    raw = {name: stats.ttest_rel(by_seed(tables, name), by_seed(tables, order[0])).pvalue for name in order[1:]}
    held = 0.0
    for left, name in zip((3, 2, 1), sorted(raw, key=raw.get), strict=True):
        held = max(held, min(left * raw[name], 1.0))
        assert rows[name].place.to_best.p == pytest.approx(held, rel=1e-6)
    assert all(rows[name].to_chance.sure and rows[name].to_chance.value > 0 for name in order[:2])


def test_references_and_what_has_no_score_have_no_place(make_facts):
    flat = np.ones((3, K, S))
    rows = stand(tables_of(make_facts, {"a": 0.5, "flat": flat, "random": 1e6}))
    assert [*rows] == ["a", "flat", "retraining", "random"]
    for name in ("flat", "retraining", "random"):
        assert rows[name].place is None
        assert rows[name].to_chance is None
    assert rows["flat"].score is None
    assert rows["flat"].reason == "undefined: estimates are constant on 3 of 3 subsets"
    assert rows["a"].place.rank == (1, 1)


def test_being_the_best_is_a_probability(make_facts):
    mirrored = [guess(seed, 1.0, "a") for seed in (1, 2, 0)]
    rows = stand(tables_of(make_facts, {"a": [guess(seed, 1.0, "a") for seed in range(3)], "b": mirrored, "c": 2.0}))
    chances = [rows[name].place.best for name in "abc"]
    assert sum(chances) == pytest.approx(1)
    # The same three seeds' answers in another order: nothing tells them apart.
    assert chances[0] == pytest.approx(chances[1], abs=0.02)
    assert chances[2] < chances[0]
    one = stand(tables_of(make_facts, {"a": 0.5, "b": 0.51}))
    assert one["a"].place.best == stand(tables_of(make_facts, {"a": 0.5, "b": 0.51}))["a"].place.best


def test_a_twin_in_another_unit_differs_from_nobody(make_facts):
    answers = np.stack([guess(seed, 0.5, "a") for seed in range(3)])
    twins = {f"b{unit}": answers / unit + 0.1 for unit in (3, 7, 11, 13, 17, 19, 23)}
    rows = stand(tables_of(make_facts, {"a": answers, **twins, "c": 2.0}))
    for name in ("a", *twins):
        assert rows[name].place.rank[0] == 1, "rounding is no difference"
        assert rows[name].place.group == 1


def test_a_share_is_there_where_retraining_has_no_wider_interval(make_facts):
    # Retraining is the same on every subset but one, and without that one it is 1 throughout.
    truth = np.repeat(SIGNAL[None, :, :1], 3, axis=0).repeat(2, axis=2)
    truth[:, :, 1] += np.stack([generator(seed, "one").standard_normal(K) for seed in range(3)])
    row, reached = (
        stand(tables_of(make_facts, {"a": [guess(s, 0.5, 1)[:, :2] for s in range(3)]}, truth=truth))[name]
        for name in ("a", "retraining")
    )
    assert reached.elsewhere.reason == "without one subset, every correlation is 1 or -1"
    assert row.elsewhere.reason == ""
    assert row.share.value == pytest.approx(row.score / reached.score)


def test_the_share_of_what_retraining_reaches(make_facts):
    truth = np.stack([guess(seed, 0.5, "truth") for seed in range(3)])
    tables = tables_of(make_facts, {"a": 1.0}, truth=truth)
    row = stand(tables)["a"]
    reached = stand(tables)["retraining"]
    assert row.share.value == pytest.approx(row.score / reached.score)
    assert row.share.interval.low < row.share.value < row.share.interval.high
    assert reached.share.value == 1
    assert (reached.share.interval.low, reached.share.interval.high) == (1, 1)
    own = stand(tables, reading="own")["a"]
    assert own.share.value is None
    assert "1 by construction" in own.share.interval.reason


def test_two_seeds_leave_no_share_since_retraining_is_one_correlation(make_facts):
    truth = np.stack([guess(seed, 0.5, "truth") for seed in range(2)])
    share = stand(tables_of(make_facts, {"a": 1.0}, truth=truth))["a"].share
    assert share.value is None
    assert share.interval.reason == "two seeds that are each other's truth have one correlation"


def test_a_score_on_part_of_the_tasks_is_none(make_facts):
    one = make_facts(np.stack([SIGNAL] * 3), {"a": np.stack([[guess(s, 0.5, 1)] for s in range(3)])}, task="f/t")
    two = make_facts(np.stack([SIGNAL] * 3), {"b": np.stack([[guess(s, 0.5, 2)] for s in range(3)])}, task="g/u")
    tables = Tables.from_rows({name: [*rows, *two[name]] for name, rows in one.items()}, {})
    rows = stand(tables)
    assert (rows["a"].score, rows["a"].reason) == (None, "undefined on 1 of 2 tasks: not run")
    assert stand(tables, tasks=["f/t"])["a"].place.rank == (1, 1)


def test_families_are_strata_and_tasks_of_one_share_their_seeds(make_facts):
    def part(task, *purpose):
        estimates = np.stack([[guess(seed, 0.7, *purpose)] for seed in range(3)])
        names = [tuple(f"{letter}{i}" for i in range(size)) for letter, size in (("d", K), ("s", S))]
        return Answered(task, (0, 1, 2), *names, estimates, np.stack([SIGNAL] * 3))

    one, other = part("f/t", 1), part("f/u", 2)
    apart = part("g/u", 2)
    z = np.array([_z_without([one, other], seed) for seed in range(3)])
    together = again_over([one, other], "others")
    half = stats.t.ppf(0.975, 2) * np.sqrt(2 / 3 * np.sum((z - z.mean()) ** 2))
    assert np.arctanh(together.high) - np.arctanh(together.low) == pytest.approx(2 * half, rel=1e-6)
    # In two families, seeds are left out of one at a time and their variances add up.
    strata = mean_score([one, apart], "others", ("seed",)).without
    assert len(strata) == 2
    variances = [2 * np.arctanh(without).var() for without in strata.values()]
    freedom = sum(variances) ** 2 / sum(v**2 / 2 for v in variances)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(sum(variances))
    wide = again_over([one, apart], "others")
    assert np.arctanh(wide.high) - np.arctanh(wide.low) == pytest.approx(2 * half, rel=1e-6)


def _z_without(parts, seed):
    left = [i for i in range(3) if i != seed]
    return np.arctanh(np.mean([float(score(part.estimates[left], part.truth[left])) for part in parts]))


def test_means_over_two_families_are_held_about_as_often_as_promised():
    cell, rng = Cell(8, 4, 3, 2, heavy=False, strength=0.6), generator("two families")
    names = [tuple(map(str, range(size))) for size in (8, 4)]
    held = []
    for _ in range(25):
        worlds = [draw_worlds(rng, cell, 1) for _ in "fg"]

        def many(times, worlds=worlds):
            return [draw_seeds(rng, cell, tuple(np.repeat(one, times, axis=0) for one in world)) for world in worlds]

        expected = np.mean([score(*drawn).mean() for drawn in many(200)])
        drawn = many(8)
        for i in range(8):
            parts = [
                Answered(f"{family}/t", (0, 1, 2), *names, estimates[i], truth[i])
                for family, (estimates, truth) in zip("fg", drawn, strict=True)
            ]
            interval = again_over(parts, "others")
            held.append(interval.low <= expected <= interval.high)
    assert 0.91 <= np.mean(held) <= 0.99
