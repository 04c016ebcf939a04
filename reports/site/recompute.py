"""Lines of Python that compute a figure of the site from its Parquet files; a test runs exactly these."""

from lodo.reports.site.material import Material

PANDAS = """\
import pandas as pd

method = ["method", "hyperparameters"]
asked = "truth == '{truth}' and question == '{question}' and status == 'ok'"
scores = pd.read_parquet("scores.parquet").query(asked)
runs = scores.groupby([*method, "task", "run", "seed"])["pearson"].mean()
tasks = runs.groupby([*method, "task", "run"]).mean().groupby([*method, "task"]).mean()
score = tasks.groupby(method).mean()
done = pd.read_parquet("attempts.parquet").query("status == 'ok'")
cost = done.groupby([*method, "task"])["training_equivalents"].mean().groupby(method).mean()
figure = pd.read_csv("figures/index-cost.csv").set_index(method)
print(figure.join(score.rename("score again")).join(cost.rename("cost again")))
"""

LODO = """\
from pathlib import Path
from lodo.reports.standings import standings
from lodo.reports.summary import summarise
from lodo.reports.tables import read_tables

tables = read_tables(Path("."))
rows = standings(tables, summarise(tables, "{question}"))
intervals = {{row.pair: (row.again.low, row.again.high) for row in rows}}
"""


def recipe(material: Material) -> tuple[str, str]:
    """Scores and costs of the front page's figure by pandas alone, its intervals by lodo; run where the files lie."""
    names = {"truth": material.reading, "question": material.summary.question}
    return PANDAS.format(**names), LODO.format(**names)
