"""`lodo describe`: what a task tests, on which model, datasets and test subsets, with samples of its text."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console

from lodo.benchmark.choosing import choose_tasks, load_families, owner_of, owners, prepared_chains, split_task, text_of
from lodo.benchmark.jobs import Work
from lodo.benchmark.kinds.inventory import Inventory
from lodo.benchmark.kinds.prepared import INFO, PreparedInfo
from lodo.benchmark.kinds.prepared import KIND as PREPARED
from lodo.benchmark.kinds.samples import SAMPLES, Samples, SamplesInputs, samples_job
from lodo.benchmark.opening import open_for
from lodo.benchmark.pipeline import do_missing, make_request, read_texts
from lodo.benchmark.request import Request
from lodo.benchmark.scheduler import Chain
from lodo.benchmark.store import Store
from lodo.benchmark.tuning import TEXT as TUNING_TEXT
from lodo.benchmark.wording import model_in_words, recipe_in_words
from lodo.reports.formats import number
from lodo.reports.page_values import mapping
from lodo.reports.summary import summarise_reliability
from lodo.reports.tables import Tables, read_tables
from lodo.tasks.errors import InputError
from lodo.tasks.family import FAMILIES, Family
from lodo.tasks.paper import figures_of
from lodo.tasks.registry import asked_by
from lodo.tasks.source import NOT_STATED, Example
from lodo.tasks.spec import Scale, Task, digest
from lodo.tasks.subsets import RULES

CHARACTERS = 160  # of a sample's prompt, and of its text
UNMEASURED = "not measured here: give --run OUT"
KINDS_OF_TEXT = {
    "planted": "made up with known influence",
    "natural": "written by people",
    "pairs": "prompts and answers",
}


@dataclass(frozen=True)
class Described:
    """Tasks of one family with one training: what is the same for all of them, then each test set.

    Attributes:
        source: as readers are told, such as ``generated`` or ``folder DIR``.
        measured: by task, what a finished run says of its reliability.
    """

    family: Family
    tasks: tuple[Task, ...]
    info: PreparedInfo
    inventory: Inventory
    samples: Samples
    source: str
    licence: str
    measured: Mapping[str, str]


def describe_command(
    locator: str,
    data: Path | None,
    scale: Scale | None,
    model: str | None,
    run: Path | None,
    add_tasks: Sequence[str],
    count: int,
    store_path: Path | None,
    console: Console,
) -> None:
    """`lodo describe`. Raises InputError or ReportError on bad input."""
    if count < 0:
        raise InputError(f"--samples {count}: it is a number of texts; give 0 or more")
    request = description_request(locator, data, scale, model, add_tasks)
    tables = None if run is None else read_tables(run)
    store, jobs = open_for(request, store_path, None, None)
    progress = Console(stderr=True, emoji=False)
    for described in describe(request, store, jobs, count, tables, progress):
        for line in lines_of(described):
            # Text from outside is shown as it is: none of it is markup.
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def description_request(
    locator: str, data: Path | None, scale: Scale | None, model: str | None, add_tasks: Sequence[str] = ()
) -> Request:
    """The request for a task, or for all tasks of a family, and no others; families more are known by their names.

    Raises InputError for an unknown family, one that is not scored and so has its own text beside ``data``, or a bad
    option.
    """
    _, files = load_families(add_tasks, "--add-task")
    if ".py:" not in locator:
        with asked_by("TASK", "task"):
            FAMILIES.get(split_task(locator)[0])
    request = make_request(tasks=[locator], data=data, scale=scale, model=model)
    request = dataclasses.replace(request, files={**files, **request.files})
    (name,) = request.tasks
    if FAMILIES.get(split_task(name)[0]).scored:
        return request
    if data is not None:
        raise InputError(f"--data {data}: {name} is tuned on, always on generated text of its own; leave it out")
    return dataclasses.replace(request, source=TUNING_TEXT, tuning=True)


def describe(
    request: Request, store: Store, jobs: int, count: int, tables: Tables | None, console: Console
) -> Iterator[Described]:
    """What there is to say of a request's tasks, those that share a training together.

    Args:
        count: samples of each dataset and test subset.
        tables: of a finished run, for the reliability.
        console: where progress is shown.

    Raises InputError where the text is bad, or none of the tasks is in the run.
    """
    inventories = read_texts(request, owners(request), store, jobs, console)
    tasks = choose_tasks(request, inventories)
    measured = {task.name: UNMEASURED if tables is None else _measured(task, tables) for task in tasks}
    if tables is not None and not any(measured.values()):
        has = ", ".join(sorted(tables.ground_truth["task"].unique()))
        raise InputError(f"--run: it holds none of {', '.join(measured)}; name a run of them (it is of {has})")
    groups: dict[str, list[Task]] = {}
    chains: dict[str, Chain] = {}
    for task, prepared in prepared_chains(request, tasks, inventories).items():
        shared = digest([task.mixture, task.model, task.recipe, prepared.works[0].job.key])
        groups.setdefault(shared, []).append(task)
        chains[shared] = _with_samples(request, task, prepared, count)
    each = {chain.works[-1].job.key: chain for chain in chains.values()}
    do_missing(store, list(each.values()), {}, jobs, request, console, "Preparing")
    for shared, members in groups.items():
        first = members[0]
        owner = owner_of(split_task(first.name)[0])
        source = text_of(request, owner).source
        prepared_work, samples_work = chains[shared].works
        place = getattr(source, "root", "")  # a folder's
        yield Described(
            FAMILIES.get(split_task(first.name)[0]),
            tuple(members),
            INFO.read(store.open(prepared_work.job)),
            inventories[owner],
            SAMPLES.read(store.open(samples_work.job)),
            f"{source.kind} {place}".strip() + f", {KINDS_OF_TEXT[source.text]}",
            getattr(source, "licence", NOT_STATED),
            measured,
        )


def _with_samples(request: Request, task: Task, prepared: Chain, count: int) -> Chain:
    """The chain that prepares a task's text, and samples it in the same process."""
    (work,) = prepared.works
    text = text_of(request, owner_of(split_task(task.name)[0]))
    job = samples_job(text.source, PREPARED.spec(work.job), count, CHARACTERS, text.file)
    return Chain((work, Work(job, f"sampling the text of {task.name}", SamplesInputs(text.sent), cost=0.2)))


def _measured(task: Task, tables: Tables) -> str:
    """The reliability R of a run's truth in words; "" where the run is not of the task."""
    by_task = summarise_reliability(tables.reliability).set_index("task")
    if task.name not in by_task.index:
        return ""
    row = by_task.loc[task.name]
    described = mapping(mapping(tables.manifest.get("tasks")).get(task.name))
    same = described.get("identity") == digest(task)
    other = "" if same else f"; of a run with other settings (scale {described.get('scale', 'unknown')})"
    if pd.isna(row["reliability"]):
        return f"undefined: {row['reason']}{other}"
    partly = f", mean over {row['subsets']} of {row['subsets_all']} subsets"
    return f"{number(row['reliability'])}, {row['seeds']} seeds, {row['definition']}{partly}{other}"


def lines_of(described: Described) -> Iterator[str]:
    """All that is said of some tasks, line by line; text from outside is printable and on one line, no markup."""
    first, info = described.tasks[0], described.info
    yield f"{described.family.name} ({first.scale})"
    yield f"  tests     {described.family.summary or 'its build function does not say'}"
    yield f"  model     {model_in_words(first.model, info.vocabulary)}"
    yield f"  recipe    {recipe_in_words(first.recipe, first.form)}"
    shown = "all sequences" if first.examples == "all" else f"{first.examples:,} sequences"
    yield f"  shown     {shown} of each dataset in a run"
    yield f"  source    {printable(described.source)}"
    yield f"  licence   {printable(described.licence)}"
    for warning in _warnings(described):
        yield f"  warning   {printable(warning)}"
    yield ""
    of = "documents" if first.form == "packed" else "pairs"
    yield f"{len(first.mixture.datasets)} training datasets"
    for item in first.mixture.datasets:
        cut = f", {info.cut[item.name]:,} cut" if item.name in info.cut else ""
        yield (
            f"  {printable(item.name)}: {item.slots:,} slots, {info.available[item.name]:,} sequences{cut}, "
            f"{described.samples.sizes[item.name]:,} {of}, {described.inventory.corpora[item.name]:,} characters"
        )
        yield from _indented(described.samples.datasets[item.name])
    for task in described.tasks:
        yield ""
        yield from _test_lines(described, task)
    yield ""


def _warnings(described: Described) -> Iterator[str]:
    """What is to be said of the text, but nothing of test sets that are not described."""
    foreign = described.inventory.tests.keys() - {task.test_set.name for task in described.tasks}
    starts = tuple(f"test set '{name}':" for name in foreign)
    return (warning for warning in described.inventory.warnings if not warning.startswith(starts))


def _test_lines(described: Described, task: Task) -> Iterator[str]:
    """What is said of one task alone: its test subsets, R, the paper's figures."""
    test = task.test_set
    subsets = described.info.subsets[test.name]
    yield f"{printable(task.name)}: {len(subsets)} test subsets by rule {test.rule}, {RULES[test.rule].kept}"
    yield f"  R         {described.measured[task.name] or 'the run of --run is not of this task'}"
    for name, content in subsets.items():
        cut = described.info.cut.get(f"{test.name}/{name}", 0)
        yield (
            f"  {printable(name)}: {content.examples:,} of {content.wanted:,} wanted examples, "
            f"{content.scored:,} scored tokens" + (f", {cut:,} cut" if cut else "")
        )
        yield from _indented(described.samples.tests[test.name][name])
    figures = figures_of(task.name)
    if figures:
        yield f"  in the paper, on its own text and model: {figures.title}"
        yield f"    {'':12}" + "".join(f"{column:>8}" for column in figures.columns)
        for method, row in figures.rows.items():
            yield f"    {method:12}" + "".join(f"{number(value, 3):>8}" for value in row)


def _indented(examples: Sequence[Example]) -> Iterator[str]:
    return (f"      {sample_line(example)}" for example in examples)


def sample_line(example: Example) -> str:
    """A document, or a prompt and its answer."""
    prompt, text = printable(example.prompt), printable(example.text)
    return f"{prompt} → {text}" if prompt else text


def printable(text: str) -> str:
    """Text from outside as it can be shown: what is no printable character could drive a terminal."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)
