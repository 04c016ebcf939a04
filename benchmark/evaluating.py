"""`lodo run` as a function."""

import multiprocessing
import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from lodo.benchmark.merging import join
from lodo.benchmark.opening import open_for, other_store
from lodo.benchmark.pipeline import execute, make_request, plan_request
from lodo.benchmark.result import Result
from lodo.benchmark.scheduler import UNGUARDED
from lodo.reports.derive import Question
from lodo.tasks.spec import Definition, Scale

Names = str | Sequence[str]


def evaluate(
    out: str | Path,
    *,
    tasks: Names = (),
    add_tasks: Names = (),
    methods: Names = (),
    suite: str = "default",
    add_methods: Names = (),
    settings: Names = (),
    scale: Scale | None = None,
    model: str | None = None,
    data: str | Path | None = None,
    text_seed: int = 0,
    seeds: int = 3,
    runs: int = 4,
    definition: Definition = "fixed-steps",
    question: Question = "as_in_paper",
    store: str | Path | None = None,
    device: str = "cpu",
    jobs: int | None = None,
    threads: int = 1,
    compile: bool = False,
    throughput: bool = False,
    memory_checks: bool = True,
    timeout: float | None = None,
    replace: bool = False,
) -> Result:
    """Train, leave out, attribute, score, report, as `lodo run` does; what the store has is not done again.

    In a script, call it under ``if __name__ == "__main__":``, since its worker processes import the script.

    Args:
        out: folder for tables and page; a run that is there already is merged with, as by the command.
        tasks: names such as ``opt-equal/toxigen``, or families for all their tasks; none: the default ones. One name
            may stand without a list, here and below.
        add_tasks: tasks more than those, such as ``file.py:family``.
        methods: names or ``file.py:Class``, in the suite's place.
        suite: ``default`` or ``full``.
        add_methods: methods more than those.
        settings: ``METHOD.name=value``, ``recipe.steps=60``, ``model.width=32``, ``task.examples=all``.
        scale: ``mini``, ``small``, ``gpu`` or ``paper``; None: the smallest that the tasks have.
        model: a pretrained model to train: folder, ``org/name[@revision]`` or .gguf file.
        data: folder with ``corpora/`` and ``tests/``; None: generated text.
        text_seed: which draw of the generated text.
        seeds: base trainings, each with its counterfactuals.
        runs: redraws of the training examples that a method sees.
        definition: what leaving out means, ``fixed-steps`` or ``all-examples``.
        question: by which the page ranks, ``as_in_paper`` or ``mixture-aware``; the tables hold both.
        store: where work is kept; None: ``$LODO_HOME``, else the user's cache.
        device: ``cpu``, ``cuda``, or one card, ``cuda:1``.
        jobs: processes at once; None: cores / threads, with cuda one for each card.
        threads: CPU threads of a process; part of a result's identity.
        compile: torch.compile the trainings.
        throughput: measure the training's speed, too.
        memory_checks: measure what models know of the datasets' text.
        timeout: seconds after which a method's run counts as failed.
        replace: put this run in the place of the one in ``out`` instead of merging with it.

    Returns:
        The tables, the page's path, how many jobs were computed, and which runs of methods failed.

    Raises:
        InputError: bad input, in the command line's words.
        RunError: a training failed.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        # A worker is importing the script that called this: the parent, which waits for it, says what is wrong.
        os._exit(UNGUARDED)
    request = make_request(
        tasks=_names(tasks),
        add_tasks=_names(add_tasks),
        methods=_names(methods),
        suite=suite,
        add_methods=_names(add_methods),
        settings=_names(settings),
        scale=scale,
        model=model,
        data=None if data is None else Path(data),
        text_seed=text_seed,
        seeds=seeds,
        runs=runs,
        definition=definition,
        device=device,
        threads=threads,
        compile=compile,
        throughput=throughput,
        memory_checks=memory_checks,
    )
    console = Console(stderr=True, emoji=False)
    joined = join(request, Path(out), replace)
    opened, count = open_for(joined.request, None if store is None else Path(store), jobs, timeout)
    for line in (joined.sentence, other_store(opened, joined.store, joined.out)):
        if line:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    plan = plan_request(joined.request, opened, count, console)
    joined.check(plan)
    return execute(joined, plan, opened, count, console, timeout, question)


def _names(names: Names) -> Sequence[str]:
    return (names,) if isinstance(names, str) else names
