"""How much memory the processes of a plan take and how much space their checkpoints, by counts alone: all is rough."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lodo.benchmark.jobs import MethodChoice
from lodo.benchmark.kinds.prepared import PreparedInfo
from lodo.benchmark.plan import Plan, shown_examples
from lodo.methods.extent import NUMBER, Extent
from lodo.tasks.errors import InputError
from lodo.tasks.memory import GIB, MOMENTS
from lodo.tasks.spec import Recipe, Task

# What a process takes before it holds a model: Python, torch and transformers.
PROCESS = GIB // 2
# Sequences that a method passes through a model at once, `lodo.tasks.likelihood.PASS`, which needs torch to be read.
PASS = 32
# Numbers that are kept for the way back: of each token, layer and unit of width (Korthikanti et al. 2022, 34 bytes in
# half precision), and of each token and entry of the vocabulary (logits, their logarithms, their gradients).
BY_WIDTH, BY_VOCABULARY = 17, 3
# Width over depth of usual decoders, for models that say only how many weights they have.
ASPECT = 64
# A low-rank adapter's weights for each rank, layer and unit of width: attention's four layers and the feed-forward two.
ADAPTED = 18


@dataclass(frozen=True)
class Size:
    """How large a task's model is, about.

    Attributes:
        weights, trainable: all, and those that its training moves.
        layers: of an encoder and a decoder together.
        number: bytes of a weight.
    """

    weights: int
    trainable: int
    width: int
    layers: int
    vocabulary: int
    number: int

    @staticmethod
    def of(task: Task, vocabulary: int) -> "Size":
        """From a model's fields where it has them, else from its weights and a usual shape."""
        model, lora = task.model, task.recipe.lora
        weights = model.rough_parameters(vocabulary)
        width, layers = getattr(model, "width", None), getattr(model, "layers", 0)
        if width is None:
            width, layers = usual_shape(weights, vocabulary)
        elif model.encoder_decoder:
            layers *= 2
        trainable = weights if lora is None else min(weights, ADAPTED * lora.rank * width * layers)
        number = 2 * NUMBER if task.recipe.precision == "float64" else NUMBER
        return Size(weights, trainable, width, layers, max(vocabulary, getattr(model, "rows", 0)), number)

    def activations(self, sequences: int, recipe: Recipe) -> int:
        """Bytes that so many sequences keep for the way back; half precision is counted as single."""
        by_width = self.layers + BY_WIDTH if recipe.recompute else BY_WIDTH * self.layers
        each = by_width * self.width + BY_VOCABULARY * self.vocabulary
        return self.number * sequences * recipe.sequence_length * each


def usual_shape(weights: int, vocabulary: int) -> tuple[int, int]:
    """Width and layers of a decoder of so many weights: 12 width^2 in each layer, and one embedding."""
    layers = 1
    while 12 * (ASPECT * layers) ** 2 * layers + vocabulary * ASPECT * layers < weights:
        layers += 1
    return ASPECT * layers, layers


@dataclass(frozen=True)
class Peak:
    """The most memory that a process of a method takes, bytes; ``lighter``: what to do where that is not there."""

    method: str
    bytes: int
    lighter: str


def training_bytes(task: Task, size: Size) -> int:
    """The most that a training's process holds: weights, gradients, moments, and what a part of a batch keeps."""
    recipe = task.recipe
    moved = size.trainable * (1 + MOMENTS[recipe.optimizer])
    part = -(-recipe.batch_size // recipe.accumulate)
    return PROCESS + size.number * (size.weights + moved) + size.activations(part, recipe)


def stored_bytes(task: Task, size: Size, base: bool) -> int:
    """What a training leaves: a ``base`` its checkpoints with moments, a counterfactual its last weights alone."""
    recipe = task.recipe
    states = recipe.checkpoints * (1 + MOMENTS[recipe.optimizer]) if base else 1
    return size.number * size.trainable * states


def extent_of(task: Task, info: PreparedInfo, size: Size, free: int) -> Extent:
    """What a method's memory depends on where ``free`` bytes are free."""
    return Extent(
        weights=size.trainable,
        datasets=len(task.mixture.names),
        subsets=len(info.subsets[task.test_set.name]),
        shown=shown_examples(task, info),
        steps=task.recipe.steps,
        optimizer=task.recipe.optimizer,
        width=size.width,
        layers=size.layers,
        free=free,
    )


def _vectors(choice: MethodChoice, extent: Extent) -> float | None:
    try:
        return choice.method.peak_vectors(extent)
    except Exception as error:
        raise InputError(
            f"--method {choice.locator}: its peak_vectors raised {type(error).__name__}: {error}; mend it, or leave it "
            "out"
        ) from error


def method_peaks(plan: Plan, sizes: Mapping[Task, Size], free: int) -> Iterator[Peak]:
    """By method, the most that one of its processes holds on any task; those of which nobody knows are missing.

    Raises InputError where a method's `peak_vectors` raises.
    """
    for choice in plan.request.methods:
        peaks = []
        for task, size in sizes.items():
            vectors = _vectors(choice, extent_of(task, plan.infos[task], size, free))
            if vectors is not None:
                held = size.number * (size.weights + int(vectors * size.trainable))
                # What costs nothing passes nothing through the model.
                passing = 0 if choice.method.rough_trainings == 0 else size.activations(PASS, task.recipe)
                peaks.append(PROCESS + held + passing)
        if peaks:
            yield Peak(choice.name, max(peaks), choice.method.lighter)
