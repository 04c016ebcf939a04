"""Single examples' gradients for dattri's attributors: a model that is not counted, its losses, its loaders."""

import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader, TensorDataset
from transformers.modeling_outputs import CausalLMOutput

from lodo.methods.base import AttributionError
from lodo.tasks.likelihood import Examples, is_squared, predict, sequence_losses, token_losses
from lodo.tasks.trained import TrainedModel

if TYPE_CHECKING:
    from dattri.task import AttributionTask

Params = Mapping[str, Tensor]
# What dattri calls a loss: of the parameters and the parts of one example.
Measure = Callable[[Params, tuple[Tensor, ...]], Tensor]


def single_precision(trained: TrainedModel) -> nn.Module:
    """A copy of theta_0 in float32, as dattri wants it, whose passes nobody counts.

    Under ``vmap`` a pass shows one example's shape, whatever the batch: what is passed has to be charged instead.
    """
    model = trained.copy().float().eval()
    model._forward_pre_hooks.clear()
    model._forward_pre_hooks_with_kwargs.clear()
    return model


@contextmanager
def silence() -> Iterator[None]:
    """Keeps a library's progress bars and warnings from the terminal, and its functions plain.

    What it would compile takes a C++ compiler and longer than all else; attention's fused kernels cannot be batched.
    """
    plain = torch.compiler.set_stance("force_eager"), sdpa_kernel(SDPBackend.MATH)
    with redirect_stderr(io.StringIO()), warnings.catch_warnings(), plain[0], plain[1]:
        warnings.simplefilter("ignore")
        yield


def example_loss(model: nn.Module) -> Measure:
    """The mean loss of one example, nats per scored token, in a form that ``vmap`` can batch.

    Raises:
        AttributionError: the model's loss is no likelihood.
    """
    if is_squared(model):
        raise AttributionError("single examples' gradients are taken of a likelihood; this model's loss is a square")

    def loss(params: Params, example: tuple[Tensor, ...]) -> Tensor:
        one = Examples(*(part.reshape(1, -1) for part in example))
        return token_losses(model, one, params) / one.scored.sum()

    return loss


def example_task(model: nn.Module, measure: Callable[..., Tensor]) -> "AttributionTask":
    """dattri's task for a model at its present weights and what is differentiated."""
    from dattri.task import AttributionTask

    return AttributionTask(loss_func=measure, model=model, checkpoints=model.state_dict())


def loader(examples: Examples, batch_size: int) -> "DataLoader[Any]":
    """The examples in order, as batches of their parts."""
    return DataLoader(TensorDataset(*examples.parts), batch_size=batch_size)


def joined(groups: Mapping[str, Examples]) -> tuple[Examples, Tensor]:
    """All examples of some groups, padded to equal length, and of which group each is, (N,).

    They are in an order that comes from their tokens: in single precision the order of the groups would be seen.
    """
    owners = torch.repeat_interleave(torch.tensor([len(group) for group in groups.values()]))
    together = Examples.joined(list(groups.values()))
    order = by_content(together)
    return together[order], owners[order]


def by_content(examples: Examples) -> Tensor:
    """The positions (N,) of the examples in the order of their tokens."""
    rows = examples.rows()
    return torch.tensor(sorted(range(len(examples)), key=rows.__getitem__))


def group_means(rows: Tensor, owners: Tensor) -> Tensor:
    """The mean of the rows (N, …) of each group, (G, …), float64."""
    counts = torch.bincount(owners).double()
    sums = torch.zeros(len(counts), *rows.shape[1:], dtype=torch.float64)
    return sums.index_add(0, owners, rows.detach().double().cpu()) / counts.view(-1, *[1] * (rows.ndim - 1))


def batch_size(model: nn.Module) -> int:
    """How many examples go through a model together: their gradients take at most 256 MiB, or there are 64."""
    size = sum(value.numel() for value in model.parameters())
    return max(1, min(64, 2**26 // size))


class WithLoss(nn.Module):
    """A language model that answers a batch of `weighted_loader` with its loss, as dattri's hooked attributors ask.

    They take a batch's loss for a mean over its examples and multiply its gradients by their number.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, weight: Tensor, **parts: Tensor) -> CausalLMOutput:
        losses = sequence_losses(self.model, predict(self.model, Examples(**parts)))
        return CausalLMOutput(loss=(losses * weight).mean())


def batch_loss(model: nn.Module, batch: Mapping[str, Tensor], device: str) -> Tensor:
    """The loss of a batch under a `WithLoss`."""
    loss: Tensor = model(**{name: part.to(device) for name, part in batch.items()}).loss
    return loss


def weighted_loader(examples: Examples, batch_size: int, together: bool = False) -> "DataLoader[Any]":
    """Batches of the weight of each example's summed loss and of the examples' parts, by name.

    An example's loss counts as its mean per scored token; ``together`` as its part of the set's mean.
    """
    counts = examples.scored.sum(1).float()
    weights = 1 / (counts.sum().expand(len(counts)) if together else counts)
    columns = {"weight": weights, **examples.named}
    items = [{name: column[row] for name, column in columns.items()} for row in range(len(examples))]
    return DataLoader(items, batch_size=batch_size)  # type: ignore[arg-type]
