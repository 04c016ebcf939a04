"""What a kind of job is: its specification, the code that decides its result, and the typed files of its entries."""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import TypeAdapter

from lodo.benchmark.identity import Code, Root, code_of
from lodo.benchmark.reach import Sources
from lodo.benchmark.store import Job
from lodo.tasks.spec import Frozen

if TYPE_CHECKING:
    from lodo.benchmark.reader import Reader

Spec = TypeVar("Spec", bound=Frozen)
Inputs = TypeVar("Inputs")
Content = TypeVar("Content")

# Beside a job's own function this decides its numbers: threads, deterministic algorithms.
SETTLED = "lodo.benchmark.worker:settle"
# What estimates remember between them is nothing to the other kinds.
UNREMEMBERED = frozenset({"lodo.benchmark.sharing"})
# How text became tokens is in the pools' and subsets' hashes.
TOKENISED = frozenset({"lodo.tasks.vocabulary", "lodo.tasks.architecture:TokenizerSpec"})
# Records are written and read as they are; what a training does is in its own key.
HARNESS = frozenset(
    {"lodo.benchmark.kinds.kind:Kind", "lodo.benchmark.kinds.kind:Record", "lodo.benchmark.kinds.training:KIND"}
)


@dataclass(frozen=True)
class Record(Generic[Content]):
    """A file of an entry: what is written is what is read, of one type."""

    name: str
    type: type[Content]

    def write(self, folder: Path, content: Content) -> None:
        """Write the content as JSON; infinite numbers are kept."""
        plain = TypeAdapter(self.type).dump_python(content)
        (folder / self.name).write_text(json.dumps(plain, ensure_ascii=False))

    def read(self, folder: Path) -> Content:
        """The content of the file. Raises FileNotFoundError where there is none."""
        return TypeAdapter(self.type).validate_python(json.loads((folder / self.name).read_text()))

    def lies_in(self, folder: Path) -> bool:
        """Whether an entry has this file."""
        return (folder / self.name).exists()


@dataclass(frozen=True)
class Failure:
    """Why a method's work could not be done."""

    cause: str


FAILURE = Record("failure.json", Failure)
# Where it went wrong, beside the failure; none where the process was ended.
TRACE = Record("traceback.json", str)
# Wall-clock seconds that a work really took: what was reused cost nothing.
SPENT = Record("spent.json", float)


@dataclass(frozen=True)
class Workplace:
    """Where a job is computed: its key, the folder for its files, what the process has read, whom to tell how far."""

    key: str
    folder: Path
    reader: "Reader"
    report: Callable[[float], None] = lambda part: None


@dataclass(frozen=True)
class Kind(Generic[Spec, Inputs]):
    """One kind of job.

    Attributes:
        name: names its folder in the store.
        plural: what many of its entries are called.
        specification, inputs: types of a job's specification and of what its worker needs beside it.
        compute: does a job in a worker; a root of its code. Heavy libraries are imported inside.
        beside: modules and ``module:name``s that it reaches but that cannot change its numbers.
        libraries: whose versions matter though no definition imports them.
        large: entries are checked byte by byte where they are read, not at every start.
    """

    name: str
    plural: str
    specification: type[Spec]
    inputs: type[Inputs]
    compute: Callable[[Spec, Inputs, Workplace], None]
    beside: frozenset[str] = frozenset()
    libraries: tuple[str, ...] = ()
    large: bool = False

    @functools.cache  # noqa: B019 - there are a handful of kinds, for good
    def code(self, *more: Root, sources: Sources | None = None) -> Code:
        """What computes a job of this kind; ``more`` are roots that only some of its jobs have."""
        return code_of(
            self.compute, SETTLED, *more, beside=self.beside | HARNESS, libraries=self.libraries, sources=sources
        )

    def job(self, spec: Spec) -> Job:
        """The job of a specification."""
        return Job(self.name, spec)

    def spec(self, job: Job) -> Spec:
        """A job's specification, typed."""
        assert job.kind == self.name, f"{job.kind} is no {self.name}"
        assert isinstance(job.spec, self.specification)
        return job.spec

    def do(self, job: Job, inputs: Any, place: Workplace) -> None:
        """Compute a job."""
        assert isinstance(inputs, self.inputs), f"a {self.name} needs {self.inputs.__name__}"
        self.compute(self.spec(job), inputs, place)
