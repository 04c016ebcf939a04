"""What an out folder says of itself (run.json): which run its tables and page are of, and what was begun since."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lodo.benchmark.choosing import inventory_chain, owners
from lodo.benchmark.plan import Plan
from lodo.benchmark.request import Request
from lodo.tasks.errors import InputError
from lodo.tasks.registry import whole_locator
from lodo.tasks.spec import Definition, Frozen, Runtime, Scale, canonical_json, digest

RUN_FILE = "run.json"


class RecordedTask(Frozen):
    """A task by the digests of what it is and of the prepared text that it is made of."""

    task: str
    text: str


class RecordedMethod(Frozen):
    """A method by where it came from and its values; a file is named by its whole path."""

    locator: str
    hyperparameters: Mapping[str, Any]


class RunRecord(Frozen):
    """What one run was asked for, as far as a later one must know to hold it, too.

    Attributes:
        source: kinds of text, as readers are told.
        text: fingerprint of the request's source, "" where no task is made of it.
        files: by family, the ``file.py:NAME`` that it came from.
        keys: of all jobs that it rests on.
        at: when it was begun or, where it is finished, finished.
    """

    scale: Scale
    source: str
    text: str
    definition: Definition
    runtime: Runtime
    changes: Mapping[str, str]
    tasks: Mapping[str, RecordedTask]
    files: Mapping[str, str]
    methods: Mapping[str, RecordedMethod]
    seeds: int
    runs: int
    throughput: bool
    memory_checks: bool
    keys: tuple[str, ...]
    at: str

    def at_the_end(self) -> "RunRecord":
        """Itself, finished now."""
        return self.model_copy(update={"at": now()})


class OutRecord(Frozen):
    """The whole file.

    Attributes:
        sweep: what was swept, where the folder is a sweep's.
        store: where the work lies.
        finished: the run that tables and page are of.
        started: a run that was begun since and is not finished.
    """

    sweep: tuple[str, ...] | None = None
    store: str
    finished: RunRecord | None = None
    started: RunRecord | None = None

    @property
    def keys(self) -> frozenset[str]:
        """The jobs that either run rests on."""
        return frozenset(key for run in (self.finished, self.started) if run for key in run.keys)

    @property
    def stale(self) -> bool:
        """Whether tables and page are of an earlier run than the last that was begun."""
        return bool(self.finished and self.started)


def now() -> str:
    """This moment, as people read it, in this machine's time."""
    return datetime.now(UTC).astimezone().isoformat(sep=" ", timespec="seconds")


def record_of(request: Request, plan: Plan, keys: frozenset[str]) -> RunRecord:
    """What is to be remembered of a run; ``keys`` are those of its plan."""
    asked = owners(request)
    read = {inventory_chain(request, owner).works[0].job.key for owner in asked}
    return RunRecord(
        scale=request.scale,
        source=plan.sources,
        text=request.source.fingerprint() if None in asked else "",
        definition=request.definition,
        runtime=request.runtime,
        changes=dict(request.changes),
        tasks={task.name: RecordedTask(task=digest(task), text=plan.infos[task].key) for task in plan.tasks},
        files={family: whole_locator(locator) for family, locator in request.files.items()},
        methods={
            choice.name: RecordedMethod(
                locator=whole_locator(choice.locator),
                hyperparameters=json.loads(canonical_json(choice.method.hyperparameters)),
            )
            for choice in request.methods
        },
        seeds=request.seeds,
        runs=request.runs,
        throughput=request.throughput,
        memory_checks=request.memory_checks,
        keys=tuple(sorted(keys | read)),
        at=now(),
    )


def check_out(out: Path, replace: bool = False) -> OutRecord | None:
    """What an out folder holds, None for one that is not there or empty.

    Raises InputError where it is a file, holds what is no run of lodo's or, unless ``replace``, one of another version.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out}: it is a file; name a folder")
    if not out.exists() or not any(out.iterdir()):
        return None
    none = f"--out {out}: it holds files but no readable {RUN_FILE} of a run; name an empty folder"
    if not replace:
        return read_record(out, none)
    try:
        return read_record(out, none)
    except InputError:
        if not (out / RUN_FILE).is_file():
            raise
        return None


def read_record(out: Path, otherwise: str) -> OutRecord:
    """A folder's record. Raises InputError: ``otherwise`` where there is none, a sentence for another version's."""
    try:
        content = json.loads((out / RUN_FILE).read_text())
    except (OSError, ValueError):
        raise InputError(otherwise) from None
    try:
        return OutRecord.model_validate(content)
    except ValidationError:
        raise InputError(
            f"{out / RUN_FILE}: it was written by another version of lodo, so what it holds is unknown; name another "
            "folder, or give lodo run --replace"
        ) from None


def write_out(out: Path, record: OutRecord) -> None:
    """Write a folder's record aside and move it into place."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / RUN_FILE
    aside = path.with_suffix(".tmp")
    aside.write_text(json.dumps(record.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False))
    os.replace(aside, path)
