"""A job kind: how fast a task's model trains here, beside transformers' Trainer, and how much of a card it uses."""

from dataclasses import dataclass
from statistics import median

from lodo.benchmark.identity import Code
from lodo.benchmark.kinds.kind import TOKENISED, UNREMEMBERED, Kind, Record, Workplace
from lodo.benchmark.kinds.prepared import PreparedInfo
from lodo.benchmark.machines import peak_of
from lodo.benchmark.store import Job
from lodo.tasks.spec import Frozen, ModelSpec, Recipe, Runtime, Task

# Of each contender.
BLOCKS = 5


class ThroughputSpec(Frozen):
    """What is trained, on which text, and on what: a device by its name, so that no speed is taken for another's."""

    model: ModelSpec
    recipe: Recipe
    vocabulary: int
    pools: dict[str, str]
    runtime: Runtime
    device_name: str
    code: Code


@dataclass(frozen=True)
class ThroughputInputs:
    """A base training of such a task, whose first steps are taken; it need not have run."""

    prepared: Job
    training: Job


@dataclass(frozen=True)
class Pace:
    """One contender's: median seconds of a step, those of each block, and the most bytes held in its first block.

    On a card these are its tensors; on a CPU all of the process, and known of the one alone that was measured first.
    """

    seconds_per_step: float
    blocks: tuple[float, ...]
    peak_bytes: int | None


@dataclass(frozen=True)
class Throughput:
    """How fast a model trains.

    Attributes:
        device: its name.
        weights: all of the model's, tied ones once.
        tokens_per_step: padding not counted.
        timed_steps: of each block.
        mfu: model FLOPs utilisation, 6 N tokens/s over the card's dense peak; None where ``mfu_absent`` says why.
        trainer: transformers' Trainer; None where ``trainer_absent`` says why.
        time_ratio: lodo's time over Trainer's, the median over pairs of blocks; below 1 lodo is faster.
    """

    device: str
    weights: int
    tokens_per_step: float
    timed_steps: int
    tokens_per_second: float
    lodo: Pace
    mfu: float | None
    mfu_absent: str
    trainer: Pace | None
    trainer_absent: str
    time_ratio: float | None


def utilisation(recipe: Recipe, weights: int, tokens_per_second: float, peak: float) -> float:
    """Model FLOPs utilisation (Chowdhery et al. 2022), without attention's products of tokens.

    6 operations a weight and token, 4 where adapters alone are trained; what is computed anew does not count.
    """
    each = 6 if recipe.lora is None else 4
    return each * weights * tokens_per_second / peak


def compute(spec: ThroughputSpec, inputs: ThroughputInputs, place: Workplace) -> None:
    from lodo.benchmark.devices import is_card
    from lodo.benchmark.kinds.training import KIND as TRAINING
    from lodo.benchmark.pace import Block, Course, in_turn
    from lodo.benchmark.replaying import replay_of

    def pace(blocks: tuple[Block, ...], known: bool) -> Pace:
        seconds = tuple(block.seconds for block in blocks)
        return Pace(median(seconds), seconds, blocks[0].bytes if known else None)

    replay = replay_of(place.reader.prepared(inputs.prepared), TRAINING.spec(inputs.training))
    recipe, course, card = spec.recipe, Course.of(replay.steps), is_card(spec.runtime.device)
    timed = replay.rows[course.warm * recipe.batch_size : course.steps * recipe.batch_size]
    tokens = int(replay.stock.amounts[timed].sum()) / course.timed
    weights = sum(value.numel() for value in replay.initial().parameters())
    ours, theirs, reason = in_turn(replay, course, BLOCKS, spec.runtime.compile)
    own = pace(ours, True)
    a_second = tokens / own.seconds_per_step
    peak = peak_of(spec.device_name, recipe.precision) if card else None
    THROUGHPUT.write(
        place.folder,
        Throughput(
            device=spec.device_name,
            weights=weights,
            tokens_per_step=tokens,
            timed_steps=course.timed,
            tokens_per_second=a_second,
            lodo=own,
            mfu=None if peak is None else utilisation(recipe, weights, a_second, peak),
            mfu_absent="" if peak else f"no peak in {recipe.precision} is known of {spec.device_name or 'this device'}",
            trainer=pace(theirs, card) if theirs else None,
            trainer_absent=reason,
            time_ratio=median(a.seconds / b.seconds for a, b in zip(ours, theirs, strict=True)) if theirs else None,
        ),
    )


THROUGHPUT = Record("throughput.json", Throughput)
KIND = Kind(
    "throughput",
    "measurements of speed",
    ThroughputSpec,
    ThroughputInputs,
    compute,
    UNREMEMBERED | TOKENISED,
    libraries=("accelerate", "transformers"),
)


def throughput_job(task: Task, info: PreparedInfo, runtime: Runtime, device_name: str) -> Job:
    """How fast a task's model trains on a device, by its name; tasks on one text, model and recipe share it."""
    return KIND.job(
        ThroughputSpec(
            model=task.model,
            recipe=task.recipe,
            vocabulary=info.vocabulary,
            pools=dict(info.pools),
            runtime=runtime,
            device_name=device_name,
            code=KIND.code(type(task.model)),
        )
    )
