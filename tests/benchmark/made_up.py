"""Work that is made up in no time, so that what the command line does around it can be tested: no number means much."""

import hashlib
import json
from dataclasses import dataclass, field

import numpy as np

from lodo.benchmark.kinds import KINDS
from lodo.benchmark.kinds.kind import Workplace
from lodo.benchmark.reader import Reader
from lodo.benchmark.scheduler import fail

REAL = ("inventory", "prepared", "samples")
TRACE = (
    'Traceback (most recent call last):\n  File "mine.py", line 7, in attribute\nZeroDivisionError: division by zero'
)


def entry(store, job, **files):
    """Write an entry as a worker would."""
    with store.claim(job) as partial:
        for name, content in files.items():
            (partial / f"{name}.json").write_text(json.dumps(content))
        store.commit(job, partial)


def number(key):
    """From 0 to 1, of its own for each key."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 2**32


@dataclass
class MadeUp:
    """Stands for `run_chains`: text is really read, all else is made up.

    Attributes:
        fails: methods whose runs fail.
        ends: raised before the first estimate.
        did: the labels of what was done.
    """

    fails: set = field(default_factory=set)
    ends: BaseException | None = None
    did: list = field(default_factory=list)

    def __call__(self, store, chains, producers, jobs, threads, listener, timeout=None, environment=None):
        computed = []
        for chain in chains:
            for work in chain.works:
                if not store.has(work.job):
                    self.do(store, work)
                    self.did.append(work.label)
                    computed.append(work.job.key)
        return computed

    def do(self, store, work):
        job, kind, inputs = work.job, work.job.kind, work.inputs
        if kind in REAL:
            with store.claim(job) as folder:
                KINDS[kind].do(job, inputs, Workplace(job.key, folder, Reader(store)))
                store.commit(job, folder)
        elif kind == "training":
            entry(store, job, log={"losses": [6.0, 4.0], "tokens": 1000, "repeats": 0}, spent=2.0)
        elif kind == "evaluation":
            entry(store, job, loss={"loss": 4 + number(job.key)})
        elif kind == "forgetting":
            figures = ("forgotten_perplexity", "forgotten_accuracy", "retained_perplexity", "retained_accuracy")
            known = {**dict.fromkeys(figures, 1.0), "approximate_perplexity": None, "approximate_accuracy": None}
            entry(store, job, forgetting={name: {**known, "membership_auc": None} for name in job.spec.datasets})
        elif kind == "unlearning":
            entry(store, job, forgetting={})
        elif kind == "estimate":
            if self.ends:
                raise self.ends
            if job.spec.method in self.fails:
                fail(store, work, "ZeroDivisionError: division by zero (in mine.py, line 7)", TRACE)
                return
            names, subsets = sorted(inputs.pools), sorted(job.spec.subsets)
            influence = np.array([[number(f"{job.key} {name} {each}") for each in subsets] for name in names])
            answer = {"influence": influence.tolist(), "steps": None, "datasets": names, "subsets": subsets}
            cost = {"seconds": 1.0, "peak_rss": 7, "tokens": 9, "training_equivalents": 0.25}
            entry(store, job, estimate=answer, cost=cost, spent=1.0)
