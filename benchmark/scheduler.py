"""Runs chains of jobs in worker processes, a few at a time, and copes with failures, damage and other runs."""

import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Protocol

from lodo.benchmark.jobs import Work
from lodo.benchmark.kinds import KINDS
from lodo.benchmark.kinds.kind import FAILURE, TRACE, Failure
from lodo.benchmark.store import DamagedEntry, Store
from lodo.tasks.errors import InputError

# Workers are forked from a process that has imported these: most of a short job's time, if each did it for itself.
# Importing is all that it does; threads or tensors of its own would not survive a fork.
PRELOADED = (
    "lodo.benchmark.worker",
    "lodo.benchmark.estimating",
    "lodo.benchmark.replaying",
    "scipy.stats",
    "torch._dynamo",
    "torch._inductor.config",
    "torch.profiler",
    "transformers.models.auto.modeling_auto",
    "transformers.models.opt.modeling_opt",
    "transformers.models.t5.modeling_t5",
)
# With which a process ends that was started by a script without a guard.
UNGUARDED = 113


class RunError(RuntimeError):
    """A job that everything rests on could not be done; one sentence."""


@dataclass(frozen=True, eq=False)
class Chain:
    """Works that one process does in order; their results are in the store afterwards. Equal only to itself."""

    works: tuple[Work, ...]

    @property
    def label(self) -> str:
        return self.works[0].label

    @cached_property
    def needs(self) -> frozenset[str]:
        return frozenset(key for work in self.works for key in work.needs) - {work.job.key for work in self.works}

    @property
    def cost(self) -> float:
        return sum(work.cost for work in self.works)

    @property
    def method(self) -> bool:
        return self.works[0].method


class Listener(Protocol):
    """Hears what happens while chains run.

    ``part`` is how much of a chain's cost is done, from 0 to 1; ``left`` is the cost that a chain which ended early
    left to another.
    """

    def begun(self, chain: Chain) -> None: ...
    def progress(self, chain: Chain, part: float) -> None: ...
    def ended(self, chain: Chain, left: float = 0.0) -> None: ...
    def note(self, text: str) -> None: ...


@dataclass
class _Running:
    """A process at work: ``done`` of its works are finished, the next one since ``begun``.

    ``slot`` is the lowest number that no other process has while it runs; ``trace`` the traceback of what went wrong.
    """

    chain: Chain
    process: BaseProcess
    pipe: Connection
    begun: float
    slot: int = 0
    done: int = 0
    last: tuple[str, str | None] | None = None
    trace: str = ""


@dataclass
class _State:
    waiting: list[Chain]
    running: list[_Running] = field(default_factory=list)
    later: dict[Chain, float] = field(default_factory=dict)
    retried: dict[Chain, int] = field(default_factory=dict)
    computed: list[str] = field(default_factory=list)


Environment = Callable[[int], Mapping[str, str]]


def nothing_more(slot: int) -> Mapping[str, str]:
    """An environment that says nothing beside the parent's."""
    return {}


def free_slot(taken: Sequence[int]) -> int:
    """The lowest number from 0 that is not taken."""
    return min(set(range(len(taken) + 1)) - set(taken))


def intact(store: Store, chain: Chain, listener: Listener | None = None) -> bool:
    """Whether every work of a chain is in the store; small entries are checked byte by byte.

    Large ones (trainings) are checked where they are read.
    """
    for work in chain.works:
        if KINDS[work.job.kind].large:
            if not store.has(work.job):
                return False
            continue
        try:
            store.open(work.job)
        except KeyError:
            return False
        except DamagedEntry as error:
            if listener:
                listener.note(f"{error}: doing it again")
            return False
    return True


def fail(store: Store, work: Work, cause: str, trace: str = "") -> None:
    """Record in the store that a method's job failed, why and where, so that it is not tried at every run."""
    with store.claim(work.job) as partial:
        assert partial is not None
        if not store.has(work.job):
            FAILURE.write(partial, Failure(cause))
            if trace:
                TRACE.write(partial, trace)
            store.commit(work.job, partial)


def run_chains(
    store: Store,
    chains: Sequence[Chain],
    producers: Mapping[str, Chain],
    jobs: int,
    threads: int,
    listener: Listener,
    timeout: float | None = None,
    environment: Environment = nothing_more,
) -> list[str]:
    """Do the chains, at most ``jobs`` at once; returns the keys of the jobs that this call computed.

    Args:
        producers: by job key, the chain that makes it, for redoing what turns out damaged.
        timeout: seconds after which a method's process is ended and its job recorded as failed.
        environment: by a process's slot, from 0 to ``jobs`` - 1, what its environment says beside this one's.

    Raises:
        InputError: a source is bad.
        RunError: a training diverged or a worker that is no method's died; what was finished stays in the store.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    state = _State(list(chains))
    try:
        while state.waiting or state.running:
            _start(store, state, context, jobs, threads, listener, environment)
            pipes = [item.pipe for item in state.running]
            for pipe in wait([*pipes, *(item.process.sentinel for item in state.running)], timeout=0.5):
                for item in [item for item in state.running if pipe in (item.pipe, item.process.sentinel)]:
                    _hear(store, state, item, producers, listener)
            if timeout is not None:
                for item in [item for item in state.running if item.chain.method]:
                    if time.monotonic() - item.begun > timeout:
                        item.process.kill()
                        item.last = ("failed", f"time-out: not done after {timeout:g} seconds (--timeout)")
    finally:
        for item in state.running:
            item.process.kill()
    return state.computed


def _start(
    store: Store,
    state: _State,
    context: multiprocessing.context.ForkServerContext,
    jobs: int,
    threads: int,
    listener: Listener,
    environment: Environment,
) -> None:
    from lodo.benchmark.entry import work_in_child

    pending = {work.job.key for chain in state.waiting for work in chain.works}
    pending |= {work.job.key for item in state.running for work in item.chain.works}
    now = time.monotonic()
    for chain in list(state.waiting):
        if len(state.running) >= jobs:
            return
        if state.later.get(chain, 0) > now or chain.needs & pending:
            continue
        state.waiting.remove(chain)
        ours, theirs = context.Pipe()
        slot = free_slot([item.slot for item in state.running])
        arguments = store.root, chain.works, theirs, threads, environment(slot)
        process = context.Process(target=work_in_child, args=arguments, daemon=True)
        process.start()
        theirs.close()
        state.running.append(_Running(chain, process, ours, now, slot))
        listener.begun(chain)


def _hear(store: Store, state: _State, item: _Running, producers: Mapping[str, Chain], listener: Listener) -> None:
    """Take what a worker has sent; when it has ended, decide what becomes of its chain."""
    try:
        while item.pipe.poll():
            word, content = item.pipe.recv()
            if word == "progress":
                listener.progress(item.chain, _part(item, content))
            elif word in ("computed", "found"):
                state.computed += [content] * (word == "computed")
                item.done, item.begun = item.done + 1, time.monotonic()
                listener.progress(item.chain, _part(item, 0.0))
            elif word == "damaged":
                listener.note(f"{content}: doing it again")
            elif word == "traceback":
                item.trace = content
            else:
                item.last = (word, content)
    except (EOFError, OSError):
        item.process.join(5)
    if item.process.is_alive() and item.last is None:
        return
    item.process.join(10)
    item.pipe.close()
    state.running.remove(item)
    word, content = item.last or _silent_end(item.process.exitcode)
    chain = item.chain
    if word == "done":
        listener.ended(chain)
    elif word == "busy":
        state.later[chain] = time.monotonic() + 1.0
        state.waiting.append(chain)
    elif word == "DamagedEntry" and state.retried.get(chain, 0) < 2:
        state.retried[chain] = state.retried.get(chain, 0) + 1
        listener.note(f"{content}: doing it again")
        for key in sorted(chain.needs):
            producer = producers.get(key)
            if producer and producer not in state.waiting and not any(i.chain is producer for i in state.running):
                state.waiting.insert(0, producer)
        state.waiting.append(chain)
    elif word == "InputError":
        raise InputError(content)
    elif chain.method:
        for failed in chain.works[item.done : item.done + 1]:
            fail(store, failed, str(content), item.trace)
            listener.note(f"{failed.label} failed: {content}")
        rest = Chain(chain.works[item.done + 1 :])
        state.waiting[:0] = [rest] if rest.works else []
        listener.ended(chain, left=rest.cost)
    else:
        raise RunError(f"{chain.label}: {content}")


def _silent_end(code: int | None) -> tuple[str, str]:
    """What is to be said of a process that ended without a word."""
    if code == UNGUARDED:
        return "InputError", (
            "evaluate: its worker processes import the script that calls it, and would run it again; put the call "
            'under if __name__ == "__main__":'
        )
    killed = " (killed, most likely out of memory)" if code == -9 else ""
    return "failed", f"its process ended with code {code}{killed}"


def _part(item: _Running, of_work: float) -> float:
    """How much of its chain's cost a process has done, given how much of the work it is at."""
    costs = [work.cost for work in item.chain.works] + [0.0]
    return (sum(costs[: item.done]) + of_work * costs[item.done]) / (sum(costs) or 1.0)
