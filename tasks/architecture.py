"""What a model is to the suite: how it is built or loaded, its tokenizer, its layers; the registry of its kinds."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

from pydantic import BeforeValidator, Field, SerializeAsAny

from lodo.tasks.errors import InputError
from lodo.tasks.frozen import Frozen, Positive
from lodo.tasks.registry import Registry

if TYPE_CHECKING:
    import torch

    from lodo.tasks.vocabulary import Vocabulary


# What transformers calls feed-forward blocks, or their layers where these stand in no block of their own.
FEED_FORWARD = frozenset(
    {"mlp", "feed_forward", "ffn", "DenseReluDense", "fc1", "fc2", "dense_h_to_4h", "dense_4h_to_h"}
)


class TokenizerSpec(Frozen):
    """A byte-level BPE tokenizer trained on the mixture's text, where the model does not bring its own."""

    vocabulary: Positive


class Architecture(Frozen):
    """A model that can be trained: a subclass is a kind of it, its fields say which one, its methods all that differs.

    What a subclass leaves alone holds for any language model of transformers' layout. Torch is imported inside the
    methods, so that settings can be read without it.

    Attributes:
        encoder_decoder: an encoder reads the prompt; else prompt and answer stand in one sequence.
        solvable: the training has one solution, which optimizer ``newton`` finds.
        positions: the most tokens that a sequence may have.
        dropout: in training, seeded by step.
    """

    encoder_decoder: ClassVar[bool] = False
    solvable: ClassVar[bool] = False

    kind: str
    positions: Positive
    dropout: float = Field(default=0.0, ge=0, lt=1)

    def resolved(self) -> "Architecture":
        """With everything looked up that identifies the model. Raises InputError where something is not there."""
        return self

    def make_ready(self, report: Callable[[float], None] = lambda part: None) -> None:
        """Make what building takes and a machine makes once; ``report`` is told how far it is, from 0 to 1."""

    @property
    def priming_tokens(self) -> int:
        """On how many tokens `make_ready` trains; 0 where there is nothing to make."""
        return 0

    def build(self, vocabulary: int, seed: int, precision: str = "float32") -> "torch.nn.Module":
        """The model before its training, for tokens below ``vocabulary``; equal arguments give equal weights.

        ``precision`` is a recipe's; under bfloat16 the weights stay in single precision.
        """
        raise NotImplementedError

    def rough_parameters(self, vocabulary: int) -> int:
        """About how many weights there are, without building the model; for plans."""
        raise NotImplementedError

    def vocabulary(self, texts: Sequence[str], spec: TokenizerSpec) -> "Vocabulary":
        """What turns text into the model's tokens: here trained on the mixture's text."""
        from lodo.tasks.vocabulary import trained_vocabulary

        return trained_vocabulary(texts, spec.vocabulary)

    def linear_layers(self, model: "torch.nn.Module") -> list[str]:
        """The linear layers that EK-FAC and LoGra see: those whose weight is theirs alone, not the embedding's too."""
        from lodo.tasks.layers import own_linear_layers

        return own_linear_layers(model)

    def feed_forward(self, layers: Sequence[str]) -> list[str]:
        """Those of the linear layers that stand in feed-forward blocks, the ones of EK-FAC's paper, by their names."""
        return [name for name in layers if FEED_FORWARD.intersection(name.split("."))]

    def idle(self, model: "torch.nn.Module") -> Mapping[str, "torch.Tensor"]:
        """By parameter, the mask of its weights on which the loss does not depend, so that its gradient is rounding.

        Adam divides a gradient by its own size: what is rounding would be blown up to any size.
        """
        return {}


Kind = TypeVar("Kind", bound=type[Architecture])
ARCHITECTURES: Registry[type[Architecture]] = Registry(
    "architecture", package="lodo.tasks.architectures", entry_points="lodo.architectures"
)


def register_architecture(kind: str) -> Callable[[Kind], Kind]:
    """Class decorator that puts an `Architecture` into the registry; its field ``kind`` has this name as default."""

    def put(cls: Kind) -> Kind:
        ARCHITECTURES.add(kind, cls)
        return cls

    return put


def _of_its_kind(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    try:
        cls = ARCHITECTURES.get(str(value.get("kind")))
    except InputError as error:
        raise ValueError(str(error)) from error
    return cls.model_validate(value)


# Any registered architecture, told apart by its ``kind``.
ModelSpec = Annotated[SerializeAsAny[Architecture], BeforeValidator(_of_its_kind)]
