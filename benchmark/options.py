"""The command line's options that several commands share, and the choices of those that have few."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lodo.benchmark.config import take_config


class ScaleName(StrEnum):
    mini = "mini"
    small = "small"
    gpu = "gpu"
    paper = "paper"


class DefinitionName(StrEnum):
    fixed_steps = "fixed-steps"
    all_examples = "all-examples"


class QuestionName(StrEnum):
    as_in_paper = "as_in_paper"
    mixture_aware = "mixture-aware"


class TruthName(StrEnum):
    own = "own"
    others = "others"


class ByName(StrEnum):
    task = "task"
    dataset = "dataset"
    standing = "standing"
    action = "action"


class SuiteName(StrEnum):
    default = "default"
    full = "full"


class What(StrEnum):
    tasks = "tasks"
    methods = "methods"
    values = "values"
    suites = "suites"


StoreOption = Annotated[
    Path | None,
    typer.Option("--store", help="Where work is kept \\[default: $LODO_HOME or the user's cache]."),
]
SuiteOption = Annotated[
    SuiteName, typer.Option(help="Methods that run: one a family at least, or all whose packages are there.")
]
TextSeedOption = Annotated[int, typer.Option(help="Which draw of the generated text; what is planted stays.")]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder with corpora/ and tests/ \\[default: generated text].")
]


TaskOption = Annotated[
    list[str] | None,
    typer.Option(
        "--task", help="Task, e.g. opt-equal/toxigen, or a family for all its tasks; repeatable \\[default: all]."
    ),
]
AddTaskOption = Annotated[
    list[str] | None, typer.Option("--add-task", help="A family more, file.py:family; repeatable.")
]
MethodOption = Annotated[
    list[str] | None,
    typer.Option("--method", help="Only these methods: a name or file.py:Class; repeatable \\[default: the suite's]."),
]
AddOption = Annotated[
    list[str] | None, typer.Option("--add-method", help="A method more than the suite's; repeatable.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="METHOD.lr=1e-4, recipe.steps=60, model.width=32; repeatable.")
]
ScaleOption = Annotated[
    ScaleName | None,
    typer.Option(help="Sizes and steps, never definitions \\[default: the smallest that tasks have]."),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        help="A pretrained model to train: folder, org/name\\[@revision] or .gguf file; for continue, finetune "
        "\\[default: none]."
    ),
]
SeedsOption = Annotated[int, typer.Option(help="Base trainings, each with its counterfactuals.")]
UntilOption = Annotated[
    float | None,
    typer.Option(
        "--until-reliability",
        help="Add seeds until R of every task's truth is so high, e.g. 0.9 \\[default: as many as --seeds].",
    ),
]
MaxSeedsOption = Annotated[int, typer.Option(help="With --until-reliability: how many seeds at most.")]
RunsOption = Annotated[int, typer.Option(help="Redraws of the training examples that a method sees.")]
DefinitionOption = Annotated[
    DefinitionName, typer.Option(help="What leaving out means (UnTrac Eq. 1, or Koh et al. 2019).")
]
DeviceOption = Annotated[
    str, typer.Option(help="cpu; cuda, which takes all cards that there are; or one, e.g. cuda:1.")
]
JobsOption = Annotated[
    int | None, typer.Option(help="Processes at once \\[default: cores / threads; with cuda one for each card].")
]
ThreadsOption = Annotated[int, typer.Option(help="CPU threads of a process; part of a result's identity.")]
ThroughputOption = Annotated[
    bool,
    typer.Option(
        "--throughput",
        help="Measure the training's speed, too: tokens/s, MFU, memory, time beside transformers' Trainer.",
    ),
]
MemoryChecksOption = Annotated[
    bool,
    typer.Option(
        "--memory-checks/--no-memory-checks",
        help="Measure what models know of the datasets' text; dear with a large model, and no score needs it.",
    ),
]
TimeoutOption = Annotated[
    float | None, typer.Option(help="Seconds after which a method's run counts as failed \\[default: none].")
]
RetryOption = Annotated[bool, typer.Option("--retry", help="Try failed method runs again.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show the plan and what it is likely to take, and stop.")]
OnOption = Annotated[
    list[str] | None,
    typer.Option("--on", help="With --dry-run: a card whose hours are shown, e.g. A100; repeatable \\[default: H100]."),
]
QuestionOption = Annotated[
    QuestionName,
    typer.Option(help="Rank estimates as they are, or times what leaving a whole dataset out does to the mixture."),
]
ReplaceOption = Annotated[
    bool, typer.Option("--replace", help="Put this run in the place of the one in --out instead of merging with it.")
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        callback=take_config,
        is_eager=True,
        help="A TOML file of these options, e.g. lodo-out/run.toml; those on the command line win \\[default: none].",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON on standard output, all else on the other.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Say errors and the final line only.")]
