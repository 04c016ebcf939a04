"""How fast training steps are: lodo's own and, in turn with them, those of transformers' Trainer."""

import gc
import importlib.util
import tempfile
import time
from dataclasses import dataclass

import torch

from lodo.benchmark.devices import is_card
from lodo.benchmark.measuring import PeakMemory
from lodo.tasks.likelihood import transformers_rows
from lodo.tasks.replay import Replay
from lodo.tasks.training import next_step, optimizer_of


@dataclass(frozen=True)
class Course:
    """Which of a training's steps a block takes: ``warm`` ones that do not count, then ``timed`` ones."""

    warm: int
    timed: int

    @staticmethod
    def of(steps: int) -> "Course":
        """Five and twenty, or of a shorter training half of its steps and the rest."""
        warm = min(5, steps // 2)
        return Course(warm, min(20, steps - warm))

    @property
    def steps(self) -> int:
        return self.warm + self.timed


@dataclass(frozen=True)
class Block:
    """One contender's block: seconds of a step, and the most bytes that were held while it ran (`PeakMemory`)."""

    seconds: float
    bytes: int


def wait(device: str) -> None:
    """Until all that a device was given is done."""
    if is_card(device):
        torch.cuda.synchronize(device)


def own_block(replay: Replay, course: Course, compiled: bool) -> Block:
    """The steps as `lodo.tasks.training.train` takes them, from the initial weights."""
    gc.collect()  # the model of the block before
    with PeakMemory(replay.device) as memory:
        model = replay.initial()
        optimizer = optimizer_of(replay.recipe, model)
        forward: torch.nn.Module = torch.compile(model) if compiled else model  # type: ignore[assignment]
        for step in range(course.warm):
            next_step(replay, forward, optimizer, step)
        wait(replay.device)
        begun = time.perf_counter()
        losses = [next_step(replay, forward, optimizer, step) for step in range(course.warm, course.steps)]
        wait(replay.device)
        seconds = time.perf_counter() - begun
        del losses
    return Block(seconds / course.timed, memory.bytes)


def trainer_block(replay: Replay, course: Course, compiled: bool) -> Block:
    """The same steps by transformers' Trainer: same weights, batches, optimizer, rates, clipping and precision."""
    from torch.optim.lr_scheduler import LambdaLR
    from torch.utils.data import SequentialSampler
    from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

    recipe, card = replay.recipe, is_card(replay.device)
    rows = transformers_rows(replay.stock[replay.rows[: course.steps * recipe.batch_size]])
    marks: list[float] = []

    def mark() -> None:
        wait(replay.device)
        marks.append(time.perf_counter())

    class Clock(TrainerCallback):
        def on_train_begin(self, *args: object, **kwargs: object) -> None:
            if not course.warm:
                mark()

        def on_step_end(self, args, state, *others: object, **kwargs: object) -> None:  # type: ignore[no-untyped-def]
            if state.global_step in (course.warm, course.steps):
                mark()

    class InOrder(Trainer):
        def _get_train_sampler(self, *args: object) -> SequentialSampler:
            return SequentialSampler(rows)

    gc.collect()
    with PeakMemory(replay.device) as memory, tempfile.TemporaryDirectory() as folder:
        model = replay.initial()
        optimizer = optimizer_of(recipe, model)
        schedule = LambdaLR(optimizer, lambda step: recipe.learning_rate(step, replay.steps) / recipe.lr)
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=course.steps,
            per_device_train_batch_size=-(-recipe.batch_size // recipe.accumulate),
            gradient_accumulation_steps=recipe.accumulate,
            bf16=recipe.precision == "bfloat16",
            max_grad_norm=recipe.clip or 0.0,
            torch_compile=compiled,
            use_cpu=not card,
            dataloader_pin_memory=card,
            remove_unused_columns=False,
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        trainer = InOrder(model, arguments, train_dataset=rows, optimizers=(optimizer, schedule), callbacks=[Clock()])
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return Block((marks[1] - marks[0]) / course.timed, memory.bytes)


def no_trainer(device: str) -> str:
    """Why transformers' Trainer cannot be measured on a device; "" where it can."""
    if importlib.util.find_spec("accelerate") is None:
        return "transformers' Trainer needs accelerate, which is not installed; give: pip install 'lodo[speed]'"
    if ":" in device:
        return "transformers' Trainer takes the first card; set CUDA_VISIBLE_DEVICES to yours and give --device cuda"
    return ""


def in_turn(
    replay: Replay, course: Course, blocks: int, compiled: bool = False
) -> tuple[tuple[Block, ...], tuple[Block, ...], str]:
    """Blocks of both, one after the other so that a machine's drift meets both alike.

    Returns:
        Ours, theirs (as many, or none), and why there are none of theirs.
    """
    ours: list[Block] = []
    theirs: list[Block] = []
    reason = no_trainer(replay.device)
    for _ in range(blocks):
        ours.append(own_block(replay, course, compiled))
        if not reason:
            try:
                theirs.append(trainer_block(replay, course, compiled))
            except Exception as error:  # what it cannot train, lodo's own figures stand without
                reason = f"transformers' Trainer failed: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return tuple(ours), () if reason else tuple(theirs), reason
