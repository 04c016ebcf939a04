"""The plan: which chains there are, in which order, what they are likely to cost."""

import dataclasses
import json
from collections import Counter

import pytest

from lodo.benchmark.choosing import choose_tasks, prepared_chains
from lodo.benchmark.kinds.estimate import KIND as ESTIMATE
from lodo.benchmark.kinds.forgetting import UNLEARNING
from lodo.benchmark.kinds.inventory import Inventory
from lodo.benchmark.kinds.kind import SPENT
from lodo.benchmark.kinds.prepared import PreparedInfo, SubsetInfo
from lodo.benchmark.kinds.start import KIND as START
from lodo.benchmark.kinds.training import KIND as TRAINING
from lodo.benchmark.pipeline import make_request
from lodo.benchmark.plan import Share, make_plan
from lodo.benchmark.store import SEAL, Store
from lodo.benchmark.timing import expected_seconds, seen_before
from lodo.methods.base import METHODS
from lodo.tasks.errors import InputError
from lodo.tasks.families.synthetic import TESTS as TESTS_OF
from lodo.tasks.spec import TestFile
from lodo.tasks.synthetic import NAMES

TESTS = ("toxigen", "truthfulqa", "winobias")
INVENTORY = Inventory(dict.fromkeys("abcdefgh", 10**6), {test: TestFile(rule=test) for test in TESTS}, ())


def plan(tasks=(), methods=("graddot",), seeds=1, runs=2, available=2000, seen=None, refuse=True, **options):
    request = make_request(tasks=list(tasks), methods=list(methods), seeds=seeds, runs=runs, **options)
    request = dataclasses.replace(
        request, methods=tuple(choice for choice in request.methods if not choice.method.reference)
    )
    chosen = choose_tasks(request, {None: INVENTORY})
    chains = prepared_chains(request, chosen, {None: INVENTORY})
    subsets = {test: {f"{test} {s}": SubsetInfo(f"{test} {s}", 32, 32, 500, 1000) for s in "xy"} for test in TESTS}
    infos = {
        task: PreparedInfo(
            chains[task].works[0].job.key,
            1024,
            dict.fromkeys(INVENTORY.corpora, available),
            {name: f"pool {name}" for name in INVENTORY.corpora},
            subsets,
        )
        for task in chosen
    }
    return make_plan(request, {None: INVENTORY}, chosen, chains, infos, seen or (), refuse)


EQUAL = [f"opt-equal/{test}" for test in TESTS]


def estimates(planned):
    return [
        [work for work in chain.works if work.job.kind == ESTIMATE.name] for chain in planned.chains if chain.method
    ]


def test_a_methods_estimates_on_a_training_are_one_chain_run_by_run():
    (chain,) = estimates(plan(EQUAL))
    assert [(work.job.spec.run, work.inputs.test) for work in chain] == [(run, t) for run in (0, 1) for t in TESTS]


def test_a_model_that_must_be_made_is_made_before_its_trainings_once():
    inventories = {
        f"synthetic-{which}": Inventory(
            dict.fromkeys(NAMES[which], 10**4), {TESTS_OF[which]: TestFile(rule="labelled")}, ()
        )
        for which in ("a", "b")
    }
    request = make_request(tasks=["synthetic-a", "synthetic-b"], methods=["graddot"], seeds=2)
    tasks = choose_tasks(request, inventories)
    chains = prepared_chains(request, tasks, inventories)
    infos = {
        task: PreparedInfo(
            chains[task].works[0].job.key,
            400,
            dict.fromkeys(task.mixture.names, 256),
            dict.fromkeys(task.mixture.names, "pool"),
            {task.test_set.name: {"x": SubsetInfo(task.name, 32, 32, 500, 1000)}},
        )
        for task in tasks
    }
    planned = make_plan(request, inventories, tasks, chains, infos)
    (start,) = (work for chain in planned.chains for work in chain.works if work.job.kind == START.name)
    trainings = [work for chain in planned.chains for work in chain.works if work.job.kind == TRAINING.name]
    assert len(trainings) == 2 * 2 * 5
    assert all(start.job.key in work.needs for work in trainings)
    assert {work.inputs.prepared.key for work in trainings} == {info.key for info in infos.values()}
    # 2,500 steps of 64 where the first task's training has 64 of 32.
    assert start.cost == 2500 * 64 / (64 * 32)
    assert START.name not in {work.job.kind for chain in plan(EQUAL).chains for work in chain.works}


def test_other_trainings_seeds_and_methods_are_other_chains():
    planned = plan([*EQUAL, "opt-different/toxigen"], methods=("graddot", "gradcos"), seeds=2)
    groups = [{(work.job.spec.method, work.job.spec.training) for work in chain} for chain in estimates(planned)]
    assert all(len(group) == 1 for group in groups)
    assert len({next(iter(group)) for group in groups}) == len(groups) == 2 * 2 * 2


def test_asking_for_one_task_or_for_three_gives_the_same_keys():
    one, three = ({cell.task.name: cell for cell in plan(tasks).cells} for tasks in (EQUAL[:1], EQUAL))
    ours, same = one[EQUAL[0]], three[EQUAL[0]]
    assert ours == same
    assert {job.key for job in ours.estimates.values()} == {job.key for job in same.estimates.values()}
    assert plan(EQUAL[:1]).keys < plan(EQUAL).keys


def test_tasks_share_their_trainings_and_each_is_measured_on_every_test_set():
    planned = plan(EQUAL)
    trainings = [chain for chain in planned.chains if chain.works[0].job.kind == "training"]
    assert len(trainings) == 1 + len(INVENTORY.corpora)
    for chain in trainings:
        keys = [work.job.key for work in chain.works]
        assert len(set(keys)) == len(keys)
        assert {work.inputs.test for work in chain.works if work.job.kind == "evaluation"} == set(TESTS)
        assert sum(work.job.kind == "forgetting" for work in chain.works) == 1


def test_what_a_method_unlearned_is_measured_after_the_observed_run_alone():
    (chain,) = (chain for chain in plan(EQUAL).chains if chain.method)
    kinds = [(work.job.kind, work.job.spec) for work in chain.works]
    after = [kinds[at - 1] for at, (kind, _) in enumerate(kinds) if kind == UNLEARNING.name]
    assert [(kind, spec.run) for kind, spec in after] == [(ESTIMATE.name, 0)] * 3


def test_needs_of_a_chain_are_its_text_and_its_training():
    planned = plan(EQUAL)
    (chain,) = (chain for chain in planned.chains if chain.method)
    assert {planned.producers[key].works[0].job.kind for key in chain.needs} == {"prepared", "training"}


def test_all_examples_leave_one_run():
    (chain,) = estimates(plan(EQUAL[:1], settings=["task.examples=all"], runs=4))
    assert len(chain) == 1


def test_too_few_sequences_are_refused_with_how_many_there_are():
    with pytest.raises(InputError, match=r"shows 250 examples of each dataset but 'a' has 200 .*task\.examples=200"):
        plan(EQUAL[:1], available=200)


def test_a_plan_to_be_looked_at_says_what_it_lacks():
    planned = plan(EQUAL[:1], available=200, refuse=False)
    assert "task.examples=200" in planned.lacking
    assert planned.chains
    assert plan(EQUAL[:1], refuse=False).lacking == ""


def test_magic_is_planned_as_its_replay_once_for_each_base_training():
    for chain in estimates(plan([*EQUAL, "opt-different/toxigen"], methods=("magic",), runs=4)):
        assert 7 < sum(work.cost for work in chain) < 8.5
        assert chain[0].cost > 7 > 10 * chain[1].cost


def test_a_method_costs_by_what_it_says_and_by_what_a_run_shows():
    cost = {
        count: estimates(plan(EQUAL[:1], settings=[f"task.examples={count}"], runs=1))[0][0].cost
        for count in (125, 250)
    }
    assert cost[250] == pytest.approx(METHODS.get("graddot").rough_trainings, rel=0.01)
    assert cost[250] == pytest.approx(2 * cost[125])


def test_every_method_of_the_suites_says_what_it_costs():
    silent = {
        name
        for name in METHODS.names()
        if METHODS.get(name).__module__.startswith("lodo.methods.") and METHODS.get(name).rough_trainings is None
    }
    assert silent == {"hif-exact"}, "it costs what the model's size squared makes it"


MINE = """
from dataclasses import dataclass
from lodo.methods import AttributionMethod, register

@register("mine-of-unknown-cost")
@dataclass(frozen=True)
class Mine(AttributionMethod):
    x: int = 0
"""


UNKNOWN = "the cost of mine-of-unknown-cost is unknown (not said, and not seen in the store) and not counted"


def test_a_method_of_unknown_cost_is_named_and_not_counted(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    locator = f"{tmp_path / 'mine.py'}:Mine"
    store = Store(tmp_path / "store")
    both = expected_seconds(plan(EQUAL[:1], methods=("graddot", locator)), store, 2)
    alone = expected_seconds(plan(EQUAL[:1]), store, 2)
    assert both.seconds == alone.seconds > 0
    assert both.sentence("3 min", 2).endswith(f"; {UNKNOWN}")
    assert "unknown" not in alone.sentence("3 min", 2)
    assert dataclasses.replace(both, seconds=0.0).sentence("0 s", 2) == (f"how long it takes is unknown: {UNKNOWN}")


def finish(store, job, seconds):
    with store.claim(job) as folder:
        SPENT.write(folder, seconds)
        store.commit(job, folder)


def test_a_method_that_has_run_before_is_planned_as_it_took_then(tmp_path):
    store = Store(tmp_path)
    planned = plan(EQUAL[:2], methods=("magic", "graddot"), seeds=3)
    request, shown = planned.request, [task.examples for task in planned.tasks]
    assert seen_before(store, request.methods, shown) == [None, None]
    for cell, (first, length) in zip(planned.cells[::2], ((60, 10), (40, 10), (80, 10)), strict=True):
        finish(store, cell.base, length)
        finish(store, cell.estimates[0, 0], first)
        finish(store, cell.estimates[0, 1], 2)
    assert seen_before(store, request.methods, shown) == [Share(6.0, 0.2, 0.2), None]
    assert seen_before(store, request.methods, [7]) == [None, None], "another number of examples is another cost"
    other = plan(EQUAL[:2], methods=("magic",), settings=["magic.tail=0.5"]).request.methods
    assert seen_before(store, other, shown) == [None], "so are other hyperparameters"
    magic = estimates(plan(EQUAL[:2], methods=("magic", "graddot"), seen=[Share(6.0, 0.2, 0.2), None]))[0]
    assert [work.cost for work in magic] == [6.0, 0.2, 0.2, 0.2]


def test_an_entry_of_another_version_is_passed_over(tmp_path):
    store = Store(tmp_path)
    planned = plan(EQUAL[:1])
    job = planned.cells[0].estimates[0, 0]
    finish(store, planned.cells[0].base, 1)
    finish(store, job, 5)
    seal = store.path(job) / SEAL
    content = json.loads(seal.read_text())
    del content["spec"]["hyperparameters"]
    seal.write_text(json.dumps(content))
    assert seen_before(store, planned.request.methods, [250]) == [None]


def test_what_is_done_is_not_counted_and_no_chain_is_shorter_than_itself(tmp_path):
    store = Store(tmp_path)
    planned = plan(EQUAL[:1], methods=("magic",))
    many, few = (expected_seconds(planned, store, jobs).seconds for jobs in (1, 100))
    assert many > few
    finish(store, planned.cells[0].estimates[0, 0], 1)
    assert expected_seconds(planned, store, 1).seconds < many


def test_examples_that_were_cut_are_counted_and_said():
    planned = plan(EQUAL[:1])
    assert not planned.warnings
    cut = {task: dataclasses.replace(info, cut={"a": 3}) for task, info in planned.infos.items()}
    (warning,) = dataclasses.replace(planned, infos=cut).warnings
    assert warning.startswith("opt-equal/toxigen: 3 examples of 'a' are longer than the model takes")


def test_without_memory_checks_nothing_else_is_another_job():
    full, without = plan(EQUAL[:1], methods=("untrac",)), plan(EQUAL[:1], methods=("untrac",), memory_checks=False)
    assert without.keys < full.keys
    works = [work for chain in full.chains for work in chain.works if work.job.key not in without.keys]
    assert Counter(work.job.kind for work in works) == {"forgetting": 1 + 8, "unlearning": 1}
    assert [work.inputs.observed for work in estimates(full)[0]] == [True, False]
    assert [work.inputs.observed for work in estimates(without)[0]] == [False, False]


def test_a_model_that_is_solved_exactly_is_not_warned_of_a_warm_up():
    warm = ("recipe.warmup=99999",)
    assert not plan(tasks=["convex-ridge/toxigen"], settings=warm).warnings
    assert len(plan(tasks=["opt-equal/toxigen"], settings=warm).warnings) == 1
