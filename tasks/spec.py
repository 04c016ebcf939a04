"""The frozen types that say what is attributed: mixture, tokenizer, model, recipe, test set, task."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from lodo.tasks.architecture import ModelSpec as ModelSpec
from lodo.tasks.architecture import TokenizerSpec as TokenizerSpec
from lodo.tasks.frozen import FOR_A_KEY as FOR_A_KEY
from lodo.tasks.frozen import Frozen as Frozen
from lodo.tasks.frozen import Positive as Positive
from lodo.tasks.frozen import added as added
from lodo.tasks.frozen import canonical_json as canonical_json
from lodo.tasks.frozen import digest as digest

Definition = Literal["fixed-steps", "all-examples"]
# Smallest first; gpu is what one graphics card does in an hour.
Scale = Literal["mini", "small", "gpu", "paper"]
# What a text is, whoever reads it: made up with known influence, written by people, or prompts and answers.
TextKind = Literal["planted", "natural", "pairs"]
# Documents joined and cut into full sequences, or a sequence for each prompt and answer with the loss on the answer.
Form = Literal["packed", "pairs"]


def _number_or_all(value: Any) -> Any:
    try:
        shown = value if value == "all" else int(str(value))  # str: 1.5 and True are no numbers of examples
    except ValueError:
        shown = 0
    if shown == "all" or shown > 0:
        return shown
    raise ValueError(f"{value!r} is neither a number of examples above 0 nor 'all'")


# How many of a dataset's own sequences a run shows; ``all`` leaves nothing to redraw.
Shown = Annotated[int | Literal["all"], BeforeValidator(_number_or_all)]


class TrainingDataset(Frozen):
    """One named dataset of a mixture and the number of the base training's slots (sequences) that it fills."""

    name: str
    slots: Positive


class Mixture(Frozen):
    """K training datasets drawn from one source; their slots add up to steps x batch size of the recipe."""

    datasets: tuple[TrainingDataset, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dataset.name for dataset in self.datasets)


def _rank_alone(value: Any) -> Any:
    return {"rank": value} if isinstance(value, int | str) else value


class Lora(Frozen):
    """Low-rank adapters (Hu et al. 2021) beside a pretrained model's linear layers; only they are trained.

    Attributes:
        targets: endings of the names of the layers that get one; none = all linear layers but the output's.
        dropout: on an adapter's input, seeded by step.
    """

    rank: Positive
    alpha: Positive = 16
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: tuple[str, ...] = ()


class Recipe(Frozen):
    """How a training runs; learning rates are per optimizer step, ``warmup`` and ``checkpoints`` are counts.

    ``accumulate`` parts of a batch pass one after the other, which changes memory and nothing else but rounding;
    ``recompute`` computes activations anew on the way back instead of keeping them. ``lora`` trains adapters alone; a
    number is their rank.

    Optimizer ``newton`` solves a convex model exactly over all slots at once; ``weight_decay`` is then the penalty
    lambda of lambda/2 |W|^2 beside the mean loss.
    """

    steps: Positive
    batch_size: Positive
    sequence_length: Positive
    lr: float = Field(gt=0)
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup: int = Field(default=0, ge=0)
    optimizer: Literal["adamw", "sgd", "adafactor", "newton"] = "adamw"
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = Field(default=0.0, ge=0)
    clip: float | None = Field(default=1.0, gt=0)
    precision: Literal["float32", "bfloat16", "float64"] = "float32"
    checkpoints: Positive = 4
    coupled: bool = True
    accumulate: Positive = added(1)
    recompute: bool = added(False)
    lora: Annotated[Lora | None, BeforeValidator(_rank_alone)] = added(None)

    def learning_rate(self, step: int, steps: int | None = None) -> float:
        """Learning rate of 0-based ``step`` in a training of ``steps`` steps (default: the recipe's own).

        Linear warm-up, then constant or decayed to zero at the end.
        """
        from math import cos, pi

        steps = steps or self.steps
        warm = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        left = 1.0 - max(0, step - self.warmup) / max(1, steps - self.warmup)
        decay = {"constant": 1.0, "linear": left, "cosine": 0.5 * (1 + cos(pi * (1 - left)))}[self.schedule]
        return self.lr * warm * decay


def _sorted_pairs(value: Any) -> Any:
    return tuple(sorted(value.items() if isinstance(value, Mapping) else value))


class TestFile(Frozen):
    """How a test file is read.

    Attributes:
        rule: which records make which subset, by its name in `lodo.tasks.subsets.RULES`.
        columns: (column of the rule, column of the file), sorted, where the file calls one otherwise.
    """

    __test__ = False

    rule: str = "labelled"
    columns: Annotated[tuple[tuple[str, str], ...], BeforeValidator(_sorted_pairs)] = ()


class TestSet(TestFile):
    """A test set: S named subsets, each of at most ``subset_size`` examples drawn once and for all.

    ``min_pairs`` is for rules that leave small subsets out; see `lodo.tasks.subsets`.
    """

    name: str
    subset_size: Positive = 256
    min_pairs: Positive = 128

    @staticmethod
    def of(name: str, file: TestFile, subset_size: int, min_pairs: int) -> "TestSet":
        """The test set of a file, with the sizes that a scale fixes."""
        return TestSet(name=name, rule=file.rule, columns=file.columns, subset_size=subset_size, min_pairs=min_pairs)


class Task(Frozen):
    """One thing to attribute: who, among the mixture's datasets, changed the loss on this test set.

    Equal content has equal identity: tasks with the same mixture, tokenizer, model and recipe share their trainings.
    """

    name: str
    scale: Scale
    source: str
    mixture: Mixture
    tokenizer: TokenizerSpec
    model: ModelSpec
    recipe: Recipe
    test_set: TestSet
    examples: Shown
    form: Form = added("packed")

    def shown(self, own: int) -> int:
        """How many sequences a run shows of a dataset that gave the training ``own`` different ones."""
        return own if self.examples == "all" else self.examples

    @model_validator(mode="after")
    def _slots_fill_the_training(self) -> "Task":
        slots = sum(dataset.slots for dataset in self.mixture.datasets)
        wanted = self.recipe.steps * self.recipe.batch_size
        if slots != wanted:
            raise ValueError(f"the mixture fills {slots} slots but the recipe has {wanted} (steps x batch size)")
        if self.recipe.optimizer == "newton" and (
            not self.model.solvable or self.recipe.checkpoints != 1 or not self.recipe.weight_decay
        ):
            raise ValueError("optimizer 'newton' wants a convex model, one checkpoint and a positive weight decay")
        if self.recipe.sequence_length > self.model.positions:
            raise ValueError(
                f"recipe.sequence_length {self.recipe.sequence_length} exceeds model.positions {self.model.positions}"
            )
        return self


class Runtime(Frozen):
    """Where a job computes, which changes numbers in their last bits."""

    device: str = "cpu"
    threads: Positive = 1
    compile: bool = False
