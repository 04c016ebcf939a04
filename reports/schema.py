"""The columns of every result table, facts and what follows from them: names, types, units, signs, order of rows."""

from dataclasses import dataclass

import pyarrow as pa

SCHEMA_VERSION = 3
VERSION_KEY = b"lodo_schema_version"
TABLE_KEY = b"lodo_table"

# The method under whose name the truth of a seed stands as an estimate.
RETRAINING = "retraining"

_TYPES = {"str": pa.string(), "int64": pa.int64(), "float64": pa.float64()}


@dataclass(frozen=True)
class Column:
    """One column: its type ("str", "int64" or "float64"), whether a row may lack a value, and what it means."""

    name: str
    kind: str
    doc: str
    nullable: bool = False


@dataclass(frozen=True)
class TableSchema:
    """One table: its name, what a row is, its columns in order, and whether it follows from the other tables."""

    name: str
    doc: str
    columns: tuple[Column, ...]
    derived: bool = False

    @property
    def names(self) -> list[str]:
        """Column names in stored order."""
        return [column.name for column in self.columns]

    @property
    def arrow(self) -> pa.Schema:
        """The pyarrow schema; its metadata carry the table's name and the schema version."""
        fields = [
            pa.field(column.name, _TYPES[column.kind], nullable=column.nullable, metadata={"doc": column.doc})
            for column in self.columns
        ]
        return pa.schema(fields, metadata={VERSION_KEY: str(SCHEMA_VERSION), TABLE_KEY: self.name})


_SIGN = "positive = leaving the dataset out raises the test loss"
_TASK = Column("task", "str", "name of the task")
_METHOD = Column("method", "str", "name of the attribution method")
_SETTINGS = Column("hyperparameters", "str", "the method's hyperparameters as canonical JSON")
_SEED = Column("seed", "int64", "seed of the base training that was attributed")
_RUN = Column("run", "int64", "which redraw of the training examples the method saw")
_DATASET = Column("dataset", "str", "name of the training dataset")
_SUBSET = Column("subset", "str", "name of the test subset")
_DEFINITION = Column("definition", "str", 'what the counterfactual training is: "fixed-steps" or "all-examples"')

_TABLES = (
    TableSchema(
        "ground_truth",
        "What leaving a dataset out did, one row for each task, seed, dataset and subset.",
        (
            _TASK,
            _DEFINITION,
            _SEED,
            _DATASET,
            _SUBSET,
            Column("base_loss", "float64", "test loss of the model trained on everything, nats per token"),
            Column("counterfactual_loss", "float64", "test loss without the dataset, nats per token"),
            Column(
                "influence",
                "float64",
                f"counterfactual_loss - base_loss, nats per token; {_SIGN}",
            ),
        ),
    ),
    TableSchema(
        "estimates",
        "What a method answered, one row for each run, step, dataset and subset.",
        (
            _TASK,
            _METHOD,
            _SETTINGS,
            _SEED,
            _RUN,
            Column(
                "step",
                "int64",
                "unlearning step after which this is the estimate; null = the method has no steps",
                True,
            ),
            _DATASET,
            _SUBSET,
            Column(
                "influence",
                "float64",
                f"estimated influence in the method's own units; {_SIGN}",
            ),
        ),
    ),
    TableSchema(
        "attempts",
        "What each run of a method came to and cost, one row for each, whether it gave an estimate or failed.",
        (
            _TASK,
            _METHOD,
            _SETTINGS,
            _SEED,
            _RUN,
            Column("status", "str", '"ok" or "failed" (the method gave no answer)'),
            Column("cause", "str", 'why it failed, "" if it did not'),
            Column("seconds", "float64", "wall-clock time, seconds; null where it failed", True),
            Column("peak_rss", "int64", "most memory held, on a card by tensors, bytes; null where unknown", True),
            Column("tokens", "int64", "tokens that passed through the model, forward and backward", True),
            Column("training_equivalents", "float64", "compute in units of one base training", True),
        ),
    ),
    TableSchema(
        "datasets",
        "How large the training datasets are in the mixture, one row for each task and dataset.",
        (_TASK, _DATASET, Column("slots", "int64", "how many of the training's slots the dataset fills")),
    ),
    TableSchema(
        "trainings",
        "What the trainings did, one row for each base training and each counterfactual.",
        (
            _TASK,
            _SEED,
            Column("left_out", "str", "the dataset left out; null = the base training", True),
            Column("steps", "int64", "optimizer steps"),
            Column("tokens", "int64", "tokens trained on"),
            Column("repeats", "int64", "examples seen more than once because they refilled a left-out dataset's slots"),
            Column(
                "untrained_loss",
                "float64",
                "test loss before training, mean over subsets, nats per token; base only",
                True,
            ),
            Column("test_loss", "float64", "the same after training"),
            Column("first_loss", "float64", "training loss of the first step, nats per token"),
            Column("last_loss", "float64", "training loss, mean of the last 5% of the steps, nats per token"),
        ),
    ),
    TableSchema(
        "forgetting",
        "What a model knows of a training dataset's text, one row for each model, seed and dataset.",
        (
            _TASK,
            Column(
                "model",
                "str",
                '"trained" on everything, "retrained" without the dataset, or the method that unlearned the dataset',
            ),
            Column("hyperparameters", "str", 'the method\'s hyperparameters as canonical JSON, "" for trainings'),
            _SEED,
            _DATASET,
            Column("forgotten_perplexity", "float64", "perplexity on text of the dataset that the base training used"),
            Column("forgotten_accuracy", "float64", "share of its tokens that are the model's likeliest"),
            Column("approximate_perplexity", "float64", "on text of the dataset that no training used", True),
            Column("approximate_accuracy", "float64", "next-token accuracy on it", True),
            Column("retained_perplexity", "float64", "on text of the other datasets that the base training used"),
            Column("retained_accuracy", "float64", "next-token accuracy on it"),
            Column("membership_auc", "float64", "AUC of Min-20% telling used from unused text of the dataset", True),
        ),
    ),
    TableSchema(
        "subsets",
        "How large the test subsets are, one row for each task and subset.",
        (
            _TASK,
            _SUBSET,
            Column("examples", "int64", "examples used"),
            Column("wanted", "int64", "examples asked for"),
            Column("tokens", "int64", "tokens whose loss counts"),
        ),
    ),
    TableSchema(
        "scores",
        "How an estimate correlates with the truth over the datasets, a row for each run, question, truth and subset.",
        (
            _TASK,
            _METHOD,
            _SETTINGS,
            Column(
                "question",
                "str",
                '"as_in_paper" = the estimate as it is, "mixture-aware" = times what leaving the whole dataset out '
                "does to the shares of the mixture",
            ),
            Column(
                "truth",
                "str",
                '"own" = truth of the very model that was attributed, "others" = average of the other seeds\' truths',
            ),
            _SEED,
            _RUN,
            _SUBSET,
            Column("pearson", "float64", "Pearson correlation over the datasets; null unless status is ok", True),
            Column("spearman", "float64", "Spearman correlation over the datasets; null unless status is ok", True),
            Column("status", "str", '"ok" or "undefined" (a side has no variance, or there is no such truth)'),
            Column("reason", "str", 'why not ok, "" if ok; undefined reasons begin with "truth" or "estimate"'),
        ),
        derived=True,
    ),
    TableSchema(
        "reliability",
        "How well seeds agree on the truth, one row for each task and subset; the text is the same for all seeds.",
        (
            _TASK,
            _DEFINITION,
            _SUBSET,
            Column("seeds", "int64", "number n of seeds"),
            Column("mean_r", "float64", "mean Pearson correlation r of the truths of two seeds, over all pairs", True),
            Column("reliability", "float64", "R = n r / (1 + (n - 1) r) of the seed-averaged truth", True),
            Column("reason", "str", 'why R is null, "" if it is not'),
        ),
        derived=True,
    ),
)

SCHEMAS: dict[str, TableSchema] = {table.name: table for table in _TABLES}
FACTS: dict[str, TableSchema] = {name: table for name, table in SCHEMAS.items() if not table.derived}
DERIVED: dict[str, TableSchema] = {name: table for name, table in SCHEMAS.items() if table.derived}
