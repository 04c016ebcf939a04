"""What attributing three test sets of one training together saves over one by one, method by method, as a ratio."""

import dataclasses
import itertools
import time
from statistics import median

import pytest
import torch

from lodo.benchmark.sharing import Memory, SharedPass
from lodo.benchmark.specimen import Specimens
from lodo.benchmark.store import Store
from lodo.methods.select import tuned_method
from lodo.tasks.trained import TokenMeter

SETS, RUNS = 3, 2


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Specimens(tmp_path_factory.mktemp("planted")).planted
    torch.set_num_threads(before)


@pytest.mark.benchmark(group=f"{SETS} test sets, {RUNS} runs: together / one by one")
@pytest.mark.parametrize("name", ["graddot", "hif-cg", "untrac", "untrac-inv"])
def test_attributing_test_sets_together(benchmark, capsys, tmp_path, planted, name):
    method, stores = tuned_method(name, "mini", {}), itertools.count()

    def attribute(remember):
        memory, store = Memory(), Store(tmp_path / str(next(stores)))
        for run, test in itertools.product(range(RUNS), range(SETS)):
            trained = dataclasses.replace(planted, seed=run, model=planted.copy())
            spec = {"training": "t", "code": "c", "runtime": {}, "subsets": test, "examples": 32, "run": run}
            kept = memory if remember else Memory()
            shared = SharedPass(store, spec, TokenMeter(trained.model), 40960, kept)
            method.attribute(dataclasses.replace(trained, shared=shared, remembered=shared.remembered))

    alone = []

    def before():
        begun = time.perf_counter()
        attribute(False)
        alone.append(time.perf_counter() - begun)

    benchmark.pedantic(lambda: attribute(True), setup=before, rounds=3, warmup_rounds=1)
    ratios = [ours / theirs for ours, theirs in zip(benchmark.stats.stats.data, alone[-3:], strict=True)]
    benchmark.extra_info["time, together / one by one"] = round(median(ratios), 3)
    with capsys.disabled():
        print(f"\n{name}: time, together / one by one: {median(ratios):.2f} ({', '.join(f'{r:.2f}' for r in ratios)})")
    assert median(ratios) < 0.9
