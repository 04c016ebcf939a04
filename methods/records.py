"""Records of tuning, stored as data beside the methods: the values chosen, and every point of the grid they won."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lodo.methods.base import AttributionMethod
from lodo.tasks.errors import InputError
from lodo.tasks.spec import Frozen, Shown

FOLDER = Path(__file__).parent / "tuned"


class GridPoint(Frozen):
    """One point of a grid.

    Attributes:
        values: of the hyperparameters that the grid varies.
        pearson: mean over test subsets, tasks, runs and seeds; None where a run failed or is undefined.
        low, high: Student's 95 % interval of it over the seeds; None with one seed.
        trainings: mean cost of an attribution, in units of one base training.
        cause: why there is no score, "" where there is one.
    """

    values: dict[str, Any]
    pearson: float | None
    low: float | None
    high: float | None
    trainings: float | None
    cause: str


class TuningRecord(Frozen):
    """What a tuning found at a scale, on what, and with which code; the same for the same command.

    Attributes:
        values: the winning point's.
        grid: by hyperparameter, the values tried.
        fixed: all hyperparameters that the grid left alone.
        tasks: the tuning tasks, none of which is scored.
        text: the parameters of the text's generator.
        examples: of each dataset that a run showed.
        version, code: lodo's version and the hash of the method's code.
    """

    method: str
    scale: str
    values: dict[str, Any]
    grid: dict[str, list[Any]]
    fixed: dict[str, Any]
    tasks: tuple[str, ...]
    text: dict[str, Any]
    seeds: int
    runs: int
    examples: Shown
    version: str
    code: str
    points: tuple[GridPoint, ...]

    @property
    def summary(self) -> str:
        """One sentence: on what, with which grid."""
        grid = "; ".join(f"{name} {', '.join(map(str, values))}" for name, values in self.grid.items())
        family = ", ".join(dict.fromkeys(task.partition("/")[0] for task in self.tasks))
        return (
            f"tuned on {family}, {self.seeds} seeds, {self.examples} examples of each dataset shown "
            f"{'once' if self.runs == 1 else f'{self.runs} times'}; grid: {grid}; "
            f"record methods/tuned/{self.method}.json"
        )


def read_record(cls: type[AttributionMethod], scale: str) -> TuningRecord | None:
    """A method's record at a scale, None where it was never tuned. Raises InputError for an unreadable one."""
    return _read(cls.name).get(scale) if is_own(cls) else None


def write_record(record: TuningRecord) -> Path:
    """Store a record in place of the method's earlier one at its scale; returns the file."""
    records = {**_read(record.method), record.scale: record}
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{record.method}.json"
    content = {scale: item.model_dump(mode="json") for scale, item in sorted(records.items())}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return path


def is_own(cls: type[AttributionMethod]) -> bool:
    """Whether a method is one of lodo's: others keep their values in their own files."""
    return cls.__module__.startswith("lodo.methods.")


def _read(name: str) -> Mapping[str, TuningRecord]:
    path = FOLDER / f"{name}.json"
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text())
        return {scale: TuningRecord.model_validate(item) for scale, item in content.items()}
    except (ValueError, AttributeError) as error:
        what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise InputError(f"{path}: no readable tuning record ({what}); write it anew with lodo tune --write") from error
