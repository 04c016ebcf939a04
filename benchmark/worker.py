"""The worker process: takes one job, computes it into the store, reports on a pipe, and dies with its parent."""

import dataclasses
import json
import os
import random
import sys
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from lodo.benchmark.jobs import FORGETTING_RUN, Work, content_hash
from lodo.benchmark.loading import load_trained
from lodo.benchmark.measuring import ForgettingMeter, measure_forgetting, peak_rss
from lodo.benchmark.replaying import replay_of
from lodo.benchmark.sharing import Memory, SharedPass
from lodo.benchmark.shown import as_examples, shown_examples
from lodo.benchmark.store import DamagedEntry, Job, Store
from lodo.methods.base import AttributionError
from lodo.methods.select import build_method
from lodo.tasks.errors import InputError, TrainingDiverged
from lodo.tasks.model import build_model, mean_loss
from lodo.tasks.overlap import describe, find_overlaps
from lodo.tasks.prepare import Prepared, load_prepared, prepare, save_prepared
from lodo.tasks.replay import DTYPES
from lodo.tasks.seeds import derive_seed
from lodo.tasks.spec import Mixture, ModelSpec, Recipe, Runtime, TestSet, TokenizerSpec, canonical_json
from lodo.tasks.subsets import draw_subsets
from lodo.tasks.trained import TokenMeter
from lodo.tasks.training import load_parameters, train

Report = Callable[[float], None]


class Reader:
    """What this process has read from the store: a chain's works build on the same entries, each is verified once."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._folders: dict[str, Path] = {}
        self._prepared: dict[str, Prepared] = {}
        self._models: dict[tuple[str, bool], nn.Module] = {}
        self.memory = Memory()

    def open(self, job: Job) -> Path:
        """The folder of a finished entry; raises as `Store.open` does."""
        if job.key not in self._folders:
            self._folders[job.key] = self.store.open(job)
        return self._folders[job.key]

    def prepared(self, job: Job) -> Prepared:
        """A prepared mixture."""
        if job.key not in self._prepared:
            self._prepared[job.key] = load_prepared(self.open(job))
        return self._prepared[job.key]

    def model(self, training: Job, initial: bool) -> nn.Module:
        """The model of a training, in evaluation mode on its device: after it or, ``initial``, before it."""
        key = (training.key, initial)
        if key not in self._models:
            spec = plain_spec(training)
            recipe = Recipe.model_validate(spec["recipe"])
            model = build_model(
                ModelSpec.model_validate(spec["model"]), spec["vocabulary"], spec["seed"], DTYPES[recipe.precision]
            )
            if not initial:
                steps = self.open(training).glob("step-*.safetensors")
                load_parameters(model, load_file(max(steps, key=lambda path: int(path.stem.split("-")[1]))))
            self._models[key] = model.to(spec["runtime"]["device"]).eval()
        return self._models[key]


def plain_spec(job: Job) -> dict[str, Any]:
    """A job's specification as plain JSON values, as the store's manifest would give it back."""
    found: dict[str, Any] = json.loads(canonical_json(job.spec))
    return found


def inventory(reader: Reader, work: Work, folder: Path, report: Report) -> None:
    source = work.inputs["source"]
    corpora, tests = source.corpora(), source.tests()
    warnings = []
    # In generated text the content of the tests is planted on purpose.
    for name, records in tests.items() if source.kind != "generated" else ():
        subsets = draw_subsets(name, records, size=sys.maxsize, min_pairs=1)
        warnings += [f"test set '{name}': {line}" for line in describe(find_overlaps(corpora, subsets))]
    found = {
        "corpora": {name: sum(map(len, documents)) for name, documents in corpora.items()},
        "tests": sorted(tests),
        "warnings": warnings,
    }
    (folder / "inventory.json").write_text(json.dumps(found, ensure_ascii=False))


def prepared(reader: Reader, work: Work, folder: Path, report: Report) -> None:
    spec = plain_spec(work.job)
    source = work.inputs["source"]
    mixture = Mixture.model_validate(work.inputs["mixture"].model_dump())
    test_sets = [TestSet.model_validate(item) for item in spec["test_sets"]]
    found, tokenizer = prepare(
        source.corpora(),
        source.tests(),
        mixture,
        TokenizerSpec.model_validate(spec["tokenizer"]),
        test_sets,
        spec["sequence_length"],
        spec["positions"],
    )
    save_prepared(found, tokenizer, folder)
    info = {
        "vocabulary": found.vocabulary,
        "available": {name: len(pool) for name, pool in found.pools.items()},
        "pools": {name: content_hash(pool) for name, pool in found.pools.items()},
        "subsets": {
            test.name: {
                name: {
                    "hash": content_hash(tokens, scored),
                    "examples": len(tokens),
                    "wanted": test.subset_size,
                    "scored": int(scored.sum()),
                    "tokens": int(tokens.size),
                }
                for name, (tokens, scored) in found.tests[test.name].items()
            }
            for test in test_sets
        },
    }
    (folder / "info.json").write_text(json.dumps(info, ensure_ascii=False))


def training(reader: Reader, work: Work, folder: Path, report: Report) -> None:
    spec = plain_spec(work.job)
    begun = time.perf_counter()
    log = train(
        replay_of(reader.prepared(work.inputs["prepared"]), spec),
        folder,
        Runtime.model_validate(spec["runtime"]),
        keep="all" if spec["left_out"] is None else "last",
        on_step=lambda done, total: report(done / total),
    )
    (folder / "log.json").write_text(json.dumps(dataclasses.asdict(log)))
    (folder / "seconds.json").write_text(json.dumps(time.perf_counter() - begun))


def evaluation(reader: Reader, work: Work, folder: Path, report: Report) -> None:
    model = reader.model(work.inputs["training"], plain_spec(work.job)["initial"])
    arrays = reader.prepared(work.inputs["prepared"]).tests[work.inputs["test"]][work.inputs["subset"]]
    loss = mean_loss(model, as_examples(*arrays, str(next(model.parameters()).device)))
    (folder / "loss.json").write_text(json.dumps({"loss": loss}))


def forgetting(reader: Reader, work: Work, folder: Path, report: Report) -> None:
    spec, base = plain_spec(work.job), plain_spec(work.inputs["base"])
    data = reader.prepared(work.inputs["prepared"])
    shown, unseen = shown_examples(data, work.inputs["pools"], base, spec["examples"], FORGETTING_RUN)
    model = reader.model(work.inputs["training"], initial=False)
    found = {name: measure_forgetting(model, name, shown, unseen) for name in spec["datasets"]}
    (folder / "forgetting.json").write_text(json.dumps(found, ensure_ascii=False))


def seed_globals(job: Job) -> None:
    """Seed the generators that a method may draw from without asking for one, so that its answer is the job's alone."""
    seed = derive_seed("global generators", job.key)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def estimate(reader: Reader, work: Work, folder: Path, report: Report) -> None:
    spec, train_spec = plain_spec(work.job), plain_spec(work.inputs["training"])
    data = reader.prepared(work.inputs["prepared"])
    trained = load_trained(
        data, work.inputs["pools"], train_spec, reader.open(work.inputs["training"]), spec, work.inputs["test"]
    )
    recipe = Recipe.model_validate(train_spec["recipe"])
    training_tokens = recipe.steps * recipe.batch_size * recipe.sequence_length
    meter = TokenMeter(trained.model)
    shared = SharedPass(reader.store, spec, meter, training_tokens, reader.memory)
    trained = dataclasses.replace(trained, shared=shared, remembered=shared.remembered, charge=meter.charge)
    observer = ForgettingMeter(trained, shared)
    if spec["run"] == FORGETTING_RUN:
        trained = dataclasses.replace(trained, unlearned=observer)
    method = build_method(work.inputs["reference"], spec["hyperparameters"])
    seed_globals(work.job)
    begun = time.perf_counter()
    found = method.attribute(trained).checked(trained)
    seconds = time.perf_counter() - begun - observer.seconds + shared.reused.seconds
    answer = {
        "influence": found.influence.tolist(),
        "steps": None if found.steps is None else list(found.steps),
        "datasets": list(found.datasets),
        "subsets": list(found.subsets),
    }
    cost = {
        "seconds": seconds,
        "peak_rss": peak_rss(),
        "tokens": meter.forward + meter.backward + shared.reused.tokens,
        "training_equivalents": meter.trainings(training_tokens) + shared.reused.trainings,
    }
    (folder / "estimate.json").write_text(json.dumps(answer, ensure_ascii=False))
    (folder / "cost.json").write_text(json.dumps(cost))
    if observer.figures:
        (folder / "forgetting.json").write_text(json.dumps(observer.figures, ensure_ascii=False))


COMPUTE: dict[str, Callable[[Reader, Work, Path, Report], None]] = {
    function.__name__: function for function in (inventory, prepared, training, evaluation, forgetting, estimate)
}


def _die_with_parent(pipe: Connection) -> None:
    try:
        pipe.recv()
    except (EOFError, OSError):
        os._exit(1)


def main(root: Path, works: tuple[Work, ...], pipe: Connection, threads: int) -> None:
    """Do works one after another, the later ones building on the first; messages on the pipe are (word, content)."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    threading.Thread(target=_die_with_parent, args=(pipe,), daemon=True).start()
    store = Store(root)
    reader = Reader(store)
    try:
        for work in works:
            with store.claim(work.job, wait=False) as folder:
                if folder is None:
                    pipe.send(("busy", None))
                    return
                if not _finished(store, work.job, pipe):
                    COMPUTE[work.job.kind](reader, work, folder, lambda part: pipe.send(("progress", part)))
                    store.commit(work.job, folder)
                    pipe.send(("computed", work.job.key))
                else:
                    folder.rmdir()
                    pipe.send(("found", work.job.key))
        pipe.send(("done", None))
    except (InputError, TrainingDiverged, AttributionError, DamagedEntry) as error:
        pipe.send((type(error).__name__, str(error)))
    except MemoryError:
        pipe.send(("failed", "out of memory"))
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = " ".join(str(error).split())[:300]
        cause = "out of memory" if "out of memory" in text.lower() or "can't allocate" in text.lower() else None
        pipe.send(
            ("failed", cause or f"{type(error).__name__}: {text} (in {Path(where.filename).name}, line {where.lineno})")
        )


def _finished(store: Store, job: Job, pipe: Connection) -> bool:
    try:
        store.open(job)
    except KeyError:
        return False
    except DamagedEntry as error:
        pipe.send(("damaged", str(error)))
        return False
    return True
