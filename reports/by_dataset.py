"""What each method says of each dataset: influence standardised over the datasets, as in UnTrac's Table 2."""

from collections.abc import Mapping, Sequence

import numpy as np

from lodo.reports import formats
from lodo.reports.closing import half_interval, markdown
from lodo.reports.derive import Question, TaskFacts, task_facts
from lodo.reports.page_values import ASKED, mapping
from lodo.reports.schema import RETRAINING
from lodo.reports.summary import ranked, row_labels, summarise
from lodo.reports.tables import ReportError, Tables

# By method, a standardised influence for each dataset in the order of their names.
Published = Mapping[str, Sequence[float]]


def dataset_table(
    tables: Tables, question: Question = "as_in_paper", published: Mapping[str, Published] | None = None
) -> str:
    """By task: a row for the truth and each method, best first, a column for each dataset, as Markdown.

    Influence is averaged over the test subsets and a seed's runs, then standardised over the datasets: less its mean,
    divided by its standard deviation. A cell is the mean over the seeds, ± half of a 95 % interval.

    Args:
        published: by task, what somebody else has reported of the same; a row of it stands under ours.

    Raises:
        ReportError: the tables hold no estimates.
    """
    ranking = summarise(tables, question).ranking
    if ranking.empty:
        raise ReportError("the tables hold no scores; give those of a finished run")
    order, labels = ranked(ranking, tables.manifest), row_labels(ranking)
    about = mapping(tables.manifest.get("methods"))
    whole = {method: bool(mapping(about.get(method)).get("whole")) for method, _ in order}
    whole[RETRAINING] = True
    parts = [
        f"Influence of each dataset, averaged over the test subsets and standardised over the datasets; {question}: "
        f"{ASKED[question]}. Mean over the seeds; ± is half of a 95 % interval (Student's)."
    ]
    for task, facts in _by_task(tables):
        rows = (published or {}).get(task, {})
        lines = [["", *facts.datasets], *_lines("the truth", _standardised(facts.truth), rows)]
        influence = facts.answer(question, whole)
        for method, settings in order:
            if method == RETRAINING:
                continue
            mine = (facts.attempts["method"] == method) & (facts.attempts["hyperparameters"] == settings)
            by_seed = [
                influence[mine & (facts.attempts["seed"] == seed)].mean(axis=0)
                for seed in facts.seeds
                if (mine & (facts.attempts["seed"] == seed)).any()
            ]
            if by_seed:
                label = labels[method, settings]
                lines += _lines(f"`{label}`", _standardised(np.stack(by_seed)), {f"`{label}`": rows.get(method, ())})
        parts += [f"**{task}**", "\n".join(markdown(lines, words=1))]
    return "\n\n".join(parts)


def _by_task(tables: Tables) -> list[tuple[str, TaskFacts]]:
    facts = list(task_facts(tables.ground_truth, tables.estimates, tables.datasets))
    return list(zip(sorted(tables.ground_truth["task"].unique()), facts, strict=True))


def _standardised(influence: np.ndarray) -> np.ndarray:
    """(n, K, S) to (n, K): averaged over the subsets, without its mean over the datasets, over their deviation.

    NaN where the datasets do not differ.
    """
    mean = influence.mean(axis=2)
    spread = mean.std(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(
            spread > 1e-9 * np.abs(mean).max(axis=1, keepdims=True),
            (mean - mean.mean(1, keepdims=True)) / spread,
            np.nan,
        )


def _lines(label: str, values: np.ndarray, published: Published) -> list[list[str]]:
    """A row of (n, K) values and, where there is one of so many datasets, the published row under it."""
    cells = [formats.plus_minus(column.mean(), half_interval(column)) for column in values.T]
    theirs = published.get(label, ())
    below = [[f"{label}, in the paper", *map(formats.number, theirs)]] if len(theirs) == len(cells) else []
    return [[label, *cells], *below]
