"""What several pages and tables say alike: order and names of rows, readings and questions in words, run facts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lodo.reports import formats
from lodo.reports.derive import Question, Reading
from lodo.reports.schema import RETRAINING
from lodo.reports.summary import Summary, is_reference, ranked, row_labels, uneven_tasks
from lodo.reports.tables import Tables

Pair = tuple[str, str]
Values = dict[str, Any]
READINGS: dict[Reading, str] = {
    "others": "the average of the other seeds' truths",
    "own": "the truth of the very model that was attributed",
}
ASKED: dict[Question, str] = {
    "as_in_paper": "estimates as they are, as in UnTrac's paper",
    "mixture-aware": "estimates times what leaving a whole dataset out does to the mixture's shares",
}


@dataclass(frozen=True)
class Rows:
    """The methods that a page lists, in order, as (method, hyperparameters), and what each is called."""

    pairs: list[Pair]
    labels: dict[Pair, str]
    manifest: Mapping[str, Any]

    @staticmethod
    def of(tables: Tables, summary: Summary) -> "Rows":
        """All methods of the tables, best first, references last."""
        return Rows(ranked(summary.ranking, tables.manifest), row_labels(summary.scores), tables.manifest)

    @property
    def order(self) -> list[str]:
        """Labels in order."""
        return [self.labels[pair] for pair in self.pairs]

    def label(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A frame of estimates or scores with a ``label`` column."""
        pairs = pd.Index(list(self.labels)) if self.labels else pd.MultiIndex.from_arrays([[], []])
        keys = pd.MultiIndex.from_frame(frame[["method", "hyperparameters"]])
        named = pd.Series(list(self.labels.values()), index=pairs, dtype="str").reindex(keys)
        return frame.assign(label=named.to_numpy()).astype({"label": "str"})

    def kind(self, pair: Pair) -> str:
        """``method``, ``ceiling`` (the true retraining) or ``reference`` (what a method must beat)."""
        if pair[0] == RETRAINING:
            return "ceiling"
        return "reference" if is_reference(pair[0], self.manifest) else "method"


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one: a manifest may lack anything."""
    return value if isinstance(value, Mapping) else {}


def records(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows of a frame as objects with an attribute for each column."""
    yield from frame.itertuples(index=False)


def facts(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was run, as (name, value), as far as the manifest tells."""
    code, hardware = mapping(manifest.get("code")), mapping(manifest.get("hardware"))
    changes, libraries = mapping(manifest.get("changes")), mapping(manifest.get("libraries"))
    version = " ".join(str(part) for part in (code.get("version"), str(code.get("hash") or "")[:12]) if part)
    threads = hardware.get("threads")
    machine = [hardware.get("processor") or hardware.get("machine"), hardware.get("device")]
    machine += [f"{hardware['cores']} cores" if hardware.get("cores") else None]
    machine += [f"{threads} thread{'' if threads == 1 else 's'} a process" if threads else None]
    entries = [
        ("Scale", manifest.get("scale")),
        ("Text", manifest.get("source")),
        ("Truth by", manifest.get("definition")),
        ("Seeds", manifest.get("seeds")),
        ("Runs a seed", manifest.get("runs")),
        ("Changed settings", formats.settings(dict(changes)) if changes else None),
        ("Code", f"lodo {version}" if version else None),
        ("Hardware", ", ".join(str(part) for part in machine if part)),
        ("Libraries", ", ".join(f"{name} {value}" for name, value in libraries.items())),
    ]
    return [(name, str(value)) for name, value in entries if value not in (None, "")]


def reliability(row: Any) -> Values:
    """A task's R as text, or why there is none."""
    if row is None:
        return {"r": "", "reason": "not measured"}
    if formats.missing(row.reliability):
        return {"r": "", "reason": row.reason}
    part = "" if row.subsets == row.subsets_all else f"{row.subsets} of {row.subsets_all} subsets"
    return {"r": formats.number(row.reliability), "reason": part}


def other_question(tables: Tables, summary: Summary, task: str) -> Question | None:
    """The question that does not rank, for a task in which the two are not the same."""
    if task not in uneven_tasks(tables.datasets):
        return None
    return "as_in_paper" if summary.question == "mixture-aware" else "mixture-aware"
