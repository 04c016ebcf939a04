"""What the planning hands to the workers: works, and the methods that were chosen."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lodo.benchmark.identity import Code
from lodo.benchmark.store import Job

if TYPE_CHECKING:
    from lodo.methods.base import AttributionMethod


@dataclass(frozen=True)
class Work:
    """A job for a worker process.

    Attributes:
        inputs: what the worker needs beside the specification (other jobs, names, paths), of the type that the job's
            kind declares; never changes the result.
        needs: keys of the works that must be finished first.
        cost: rough length, in units of one training.
        method: the work is a method's, so its failure is a row and not the end of the run.
        known: the cost is more than a stopgap.
    """

    job: Job
    label: str
    inputs: Any = None
    needs: tuple[str, ...] = ()
    cost: float = 1.0
    method: bool = False
    known: bool = True


@dataclass(frozen=True)
class MethodChoice:
    """A method as chosen on the command line: its locator (a name or file.py:Class) and the built instance."""

    locator: str
    method: "AttributionMethod"
    code: Code

    @property
    def name(self) -> str:
        return self.method.name
