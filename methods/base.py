"""The interface of every attribution method: what it is given, what it answers, how it is registered."""

import dataclasses
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import numpy as np

from lodo.methods.provenance import Scaled, Why
from lodo.tasks.errors import InputError
from lodo.tasks.registry import Registry

if TYPE_CHECKING:
    from lodo.methods.extent import Extent
    from lodo.tasks.trained import TrainedModel


class AttributionError(RuntimeError):
    """A method broke its contract or could not finish; recorded as a failed row with this sentence as its cause."""


@dataclass(frozen=True)
class Attribution:
    """Estimated influence of K training datasets on S test subsets.

    Attributes:
        influence: (K, S), or (T, K, S) after each of T unlearning steps. Positive = leaving the dataset out raises
            the test loss. Units are the method's own: scores are correlations.
        datasets, subsets: the labels of the last two axes.
        steps: (T,) optimizer steps done at each of the T, where there are any; the last one is the estimate.
    """

    influence: np.ndarray
    datasets: tuple[str, ...]
    subsets: tuple[str, ...]
    steps: tuple[int, ...] | None = None

    @staticmethod
    def of(trained: "TrainedModel", influence: Any, steps: tuple[int, ...] | None = None) -> "Attribution":
        """Label an array or tensor with the names and the order of a trained model's datasets and subsets."""
        array = np.asarray(influence.detach().cpu() if hasattr(influence, "detach") else influence, dtype=np.float64)
        return Attribution(array, tuple(trained.datasets), tuple(trained.subsets), steps)

    def checked(self, trained: "TrainedModel") -> "Attribution":
        """Itself, if shape, labels and numbers are as agreed. Raises AttributionError saying what is not."""
        datasets, subsets = tuple(trained.datasets), tuple(trained.subsets)
        if self.datasets != datasets or self.subsets != subsets:
            raise AttributionError(
                f"wrong labels: datasets {list(self.datasets)} and subsets {list(self.subsets)} are not the task's "
                f"{list(datasets)} and {list(subsets)} in this order; build the answer with Attribution.of(trained, …)"
            )
        wanted: tuple[int, ...] = (len(datasets), len(subsets))
        if self.steps is not None:
            wanted = (len(self.steps), *wanted)
        if self.influence.shape != wanted:
            raise AttributionError(f"wrong shape: influence is {self.influence.shape}, the task wants {wanted}")
        if not np.isfinite(self.influence).all():
            bad = int((~np.isfinite(self.influence)).sum())
            raise AttributionError(f"{bad} of {self.influence.size} influences are not finite numbers")
        return self


class AttributionMethod:
    """A method: a frozen dataclass whose fields are its hyperparameters, with one function.

    ``defaults`` says of each field why its default is what it is, a paper's value wherever there is one; ``scaled``
    holds what replaces a default at a scale, and why. Tuned values are no part of the code: they are records
    (`lodo.methods.records`). Both mappings add to those of the class above. ``summary`` and ``paper`` are shown to
    readers.

    ``suite`` is the smallest suite that a method of lodo's own is part of. ``requires`` maps the modules that a method
    imports beyond lodo's own dependencies to how they are installed. ``on_request`` says why no suite holds a method,
    if none does. ``exempt`` names the checks of `lodo check` that cannot apply to a method, each with the reason.

    ``rough_trainings`` is about what one run costs, in trainings, where it shows 250 of 1,000 sequences a dataset;
    ``rough_once`` is what the first estimate on a base training costs beside it, however many runs and test sets
    follow. The plan counts with them until it has seen the method at work; a method without is planned as unknown.
    `peak_vectors` says how much memory it takes; ``lighter`` what to set, or which method to take, where that is not
    there.

    ``whole`` says that the answer already counts how large the dataset is and who refills its slots. What is not whole
    answers per unit of a dataset, and the question ``mixture-aware`` applies the mixture's arithmetic to it.
    ``reads_definition`` says that the answer depends on ``trained.definition``, which then is part of an estimate's
    identity; a method that does not say so is shown "fixed-steps" whatever the truth is.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    paper: ClassVar[str] = ""
    defaults: ClassVar[Mapping[str, Why]] = {}
    scaled: ClassVar[Scaled] = {}
    suite: ClassVar[Literal["default", "full"]] = "full"
    reference: ClassVar[bool] = False
    whole: ClassVar[bool] = False
    reads_definition: ClassVar[bool] = False
    requires: ClassVar[Mapping[str, str]] = {}
    on_request: ClassVar[str] = ""
    exempt: ClassVar[Mapping[str, str]] = {}
    rough_trainings: ClassVar[float | None] = None
    rough_once: ClassVar[float] = 0.0
    lighter: ClassVar[str] = ""

    @classmethod
    def missing(cls) -> dict[str, str]:
        """Those of ``requires`` that are not installed; found without importing them."""
        return {module: how for module, how in cls.requires.items() if importlib.util.find_spec(module) is None}

    def attribute(self, trained: "TrainedModel") -> Attribution:
        """Estimate the influence of each training dataset on each test subset from the trained model alone."""
        raise NotImplementedError

    def peak_vectors(self, extent: "Extent") -> float | None:
        """About how many vectors of the model's trainable weights in float32 it holds at its peak, beside the model.

        What passes through the model (activations) is not counted. None: nobody knows.
        """
        return None

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """The dataclass fields by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]


Method = TypeVar("Method", bound=type[AttributionMethod])
METHODS: Registry[type[AttributionMethod]] = Registry("method", package="lodo.methods", entry_points="lodo.methods")


def register(name: str) -> Callable[[Method], Method]:
    """Class decorator that puts a method into the registry under a name."""

    def put(cls: Method) -> Method:
        if not (dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen):
            raise InputError(
                f"method '{name}': class {cls.__name__} is not a frozen dataclass; put @dataclass(frozen=True) "
                "between @register and the class"
            )
        cls.name = name
        METHODS.add(name, cls)
        return cls

    return put
