"""EK-FAC's factors of a model's linear layers, fitted by kronfluence, and inner products in the metric they give."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from lodo.methods.base import AttributionError
from lodo.methods.engine.layers import encoder_side, keep_sequences
from lodo.methods.engine.perexample import silence
from lodo.tasks.likelihood import PASS, Examples, is_squared, predict, relabelled, summed_loss, token_losses
from lodo.tasks.trained import TrainedModel

BATCH = 32


@dataclass(frozen=True)
class Factors:
    """One layer's: eigenvectors of its inputs (i, i) and of its pseudo-gradients (o, o), and Lambda (o, i), float64."""

    inputs: Tensor
    outputs: Tensor
    spectrum: Tensor

    def inner(self, left: Tensor, right: Tensor, damping: float) -> Tensor:
        """(K, S): <G, (H + lambda I)^-1 G'> of gradients (K, o, i) and (S, o, i), lambda relative to mean Lambda."""
        turned = [(self.outputs.T @ side.double() @ self.inputs).flatten(1) for side in (left, right)]
        inverse = 1 / (self.spectrum + damping * self.spectrum.mean()).flatten()
        return turned[0] * inverse @ turned[1].T


class _Rows(Dataset[Any]):
    """Examples as kronfluence reads them: a dictionary each."""

    def __init__(self, examples: Examples) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {name: part[index] for name, part in self.examples.named.items()}


def language_task(names: Sequence[str], encoders: Sequence[str], generator: torch.Generator) -> Any:
    """kronfluence's task: the summed loss of next tokens, or of tokens that the model draws (``sample``).

    ``encoders`` are those of the named layers that see an encoder's tokens.
    """
    from kronfluence.task import Task

    class Language(Task):  # type: ignore[misc]
        def compute_train_loss(self, batch: Mapping[str, Tensor], model: nn.Module, sample: bool = False) -> Tensor:
            examples = Examples(**batch)
            if not sample:
                return token_losses(model, examples)
            predictions = predict(model, examples)
            with torch.no_grad():
                chances = predictions.counted.float().softmax(-1).cpu()
                drawn = torch.multinomial(chances, 1, generator=generator)[:, 0]
                labels = predictions.labels.masked_scatter(predictions.mask, drawn.to(predictions.labels.device))
            return summed_loss(model, relabelled(predictions, labels))

        def compute_measurement(self, batch: Mapping[str, Tensor], model: nn.Module) -> Tensor:
            return self.compute_train_loss(batch, model)

        def get_influence_tracked_modules(self) -> list[str]:
            return list(names)

        def get_attention_mask(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
            examples = Examples(**batch)
            decoder, encoder = examples.written.long(), None if examples.read is None else examples.read.long()
            return {name: encoder if name in encoders else decoder for name in names}  # type: ignore[misc]

    return Language()


def fit(
    trained: TrainedModel, names: Sequence[str], examples: Examples, generator: torch.Generator
) -> dict[str, Factors]:
    """EK-FAC's factors of the named linear layers at theta_0 over some training examples, by layer.

    Raises:
        AttributionError: the model's loss is no likelihood, of which labels could be drawn.
    """
    from kronfluence.analyzer import Analyzer, prepare_model
    from kronfluence.arguments import FactorArguments

    if is_squared(trained.model):
        raise AttributionError("ekfac draws labels from the model's likelihood; this model's loss is a square")
    bare = trained.copy().float()
    sides = encoder_side(bare, names, examples)
    where = keep_sequences(bare, names)
    task = language_task(where, [there for name, there in zip(names, where, strict=True) if name in sides], generator)
    model = prepare_model(bare, task)
    with tempfile.TemporaryDirectory() as folder, silence():
        analyzer = Analyzer(
            "ekfac",
            model,
            task,
            cpu=next(model.parameters()).device.type == "cpu",
            log_level=40,
            disable_tqdm=True,
            output_dir=folder,
        )
        analyzer.fit_all_factors(
            "ekfac",
            _Rows(examples),
            per_device_batch_size=BATCH,
            factor_args=FactorArguments(strategy="ekfac", covariance_max_examples=None, lambda_max_examples=None),
        )
        vectors = analyzer.load_eigendecomposition("ekfac")
        spectra = analyzer.load_lambda_matrices("ekfac")
    return {
        name: Factors(
            vectors["activation_eigenvectors"][there].double().cpu(),
            vectors["gradient_eigenvectors"][there].double().cpu(),
            (spectra["lambda_matrix"][there].double() / spectra["num_lambda_processed"][there]).cpu(),
        )
        for name, there in zip(names, where, strict=True)
    }


def layer_gradient(model: nn.Module, names: Sequence[str], examples: Examples, size: int = PASS) -> dict[str, Tensor]:
    """The gradient of L(examples) by each named layer's weight and bias, (out, in + 1) or without a bias (out, in)."""
    layers = {name: model.get_submodule(name) for name in names}
    wanted = [value for layer in layers.values() for value in layer.parameters()]
    total = [torch.zeros_like(value) for value in wanted]
    for batch in examples.batches(size):
        parts = torch.autograd.grad(token_losses(model, batch) / examples.count, wanted)
        torch._foreach_add_(total, parts)
    gradients, parts_left = {}, iter(total)
    for name, layer in layers.items():
        named = {key: next(parts_left) for key, _ in layer.named_parameters()}
        columns = [named["weight"], *([named["bias"][:, None]] if "bias" in named else [])]
        gradients[name] = torch.cat(columns, dim=1).cpu()
    return gradients
