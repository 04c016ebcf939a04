"""What an unlearning step minimises: the objectives of arXiv 2402.15159, NPO and SimNPO, and what they need frozen."""

import hashlib
from collections.abc import Callable

import torch
from torch import Tensor, nn

from lodo.methods.base import AttributionError
from lodo.methods.engine.unlearning import Objective, Part
from lodo.tasks.likelihood import (
    PASS,
    Examples,
    at_places,
    autocast,
    log_probs,
    predict,
    relabelled,
    summed_loss,
    token_losses,
)
from lodo.tasks.trained import TrainedModel

OTHERS = "others"


def descent(model: nn.Module, part: Part) -> Tensor:
    """The token mean of the loss: what training minimises."""
    return token_losses(model, part.examples) / part.tokens


def descent_on(labels: Tensor) -> Objective:
    """The token mean of the loss of other labels, (N, L), each for the place of the pool from which it is predicted.

    The tokens that the model reads stay the true ones.
    """

    def loss(model: nn.Module, part: Part) -> Tensor:
        predictions = predict(model, part.examples)
        others = labels[part.rows, : predictions.labels.shape[1]]
        return summed_loss(model, relabelled(predictions, others)) / part.tokens

    return loss


def divergence_from(frozen: nn.Module) -> Objective:
    """KL(frozen || current) of the next token, mean over the scored tokens, in nats; 0 where the two agree, else more.

    The frozen model reads each batch anew: kept targets would be a vocabulary wide for every token. A squared loss's
    logits are taken as a softmax's, as everywhere where a distribution over tokens is asked for.
    """

    def loss(model: nn.Module, part: Part) -> Tensor:
        def chances(model: nn.Module) -> Tensor:
            return nn.functional.log_softmax(predict(model, part.examples).counted, dim=-1)

        with torch.no_grad():
            target = chances(frozen)
        return nn.functional.kl_div(chances(model), target, log_target=True, reduction="sum") / part.tokens

    return loss


def npo(initial: Tensor, beta: float) -> Objective:
    """Negative preference optimization (arXiv 2404.05868): mean of -2/beta log sigma(-beta log(pi / pi_0)).

    ``initial`` is log pi_0 of every sequence of the pool, (N,) nats. The gradient at theta_0 is that of the mean
    sequence log-probability, for every beta.
    """

    def loss(model: nn.Module, part: Part) -> Tensor:
        ratio = sequence_log_probs(model, part.examples) - initial[part.rows]
        return -2 / beta * nn.functional.logsigmoid(-beta * ratio).sum() / part.sequences

    return loss


def simnpo(beta: float, gamma: float) -> Objective:
    """SimNPO (arXiv 2410.07163): mean of -2/beta log sigma(-beta/|y| log pi(y) - gamma), |y| = its scored tokens."""

    def loss(model: nn.Module, part: Part) -> Tensor:
        # A sequence without scored tokens has log-probability 0 and no gradient, whatever it is divided by.
        lengths = part.examples.scored.sum(1).clamp(min=1)
        mean = sequence_log_probs(model, part.examples) / lengths
        return -2 / beta * nn.functional.logsigmoid(-beta * mean - gamma).sum() / part.sequences

    return loss


def sequence_log_probs(model: nn.Module, examples: Examples) -> Tensor:
    """log pi of each sequence's scored tokens, (N,) nats."""
    return log_probs(model, predict(model, examples)).sum(1)


def initial_log_probs(trained: TrainedModel, examples: Examples) -> Tensor:
    """log pi_0, theta_0's `sequence_log_probs` of all examples, (N,) nats; one pass without gradients."""
    return torch.cat(_frozen(trained, examples, sequence_log_probs))


def random_labels(trained: TrainedModel, examples: Examples, generator: torch.Generator) -> Tensor:
    """A label for each place, uniform over the vocabulary, (N, L); the same ones for sets of the same shape."""
    (logits,) = _frozen(trained, examples[:1], lambda model, batch: predict(model, batch).logits)
    labels = torch.randint(logits.shape[-1], examples.tokens.shape, generator=generator)
    return at_places(labels.to(examples.tokens.device), 0)


def adversarial_labels(trained: TrainedModel, examples: Examples) -> Tensor:
    """The likeliest wrong token that theta_0 predicts at each place, (N, L); one pass without gradients.

    It is never the token that comes next.
    """

    def best_wrong(model: nn.Module, batch: Examples) -> Tensor:
        next_ones = at_places(batch.tokens, 0)
        wrong = predict(model, batch).logits.scatter(2, next_ones[..., None], -torch.inf).argmax(-1)
        return nn.functional.pad(wrong, (0, examples.tokens.shape[1] - wrong.shape[1]))

    return torch.cat(_frozen(trained, examples, best_wrong))


def _frozen(
    trained: TrainedModel, examples: Examples, compute: Callable[[nn.Module, Examples], Tensor], batch_size: int = PASS
) -> list[Tensor]:
    model = trained.model
    with torch.no_grad(), autocast(trained.recipe, str(next(model.parameters()).device)):
        return [compute(model, batch) for batch in examples.batches(batch_size)]


def retained(trained: TrainedModel, name: str, retain: str) -> Examples:
    """The text to keep while dataset ``name`` is unlearned.

    ``others`` is all other datasets shown. A dataset's name is that dataset as the general corpus; for the row of the
    general corpus itself, or of a dataset of equal content, it is all others. The order of the text depends on its
    content alone, never on the names or the order of the datasets.

    Raises:
        AttributionError: there is no such dataset, or none but the one being unlearned.
    """
    datasets = trained.datasets
    if retain != OTHERS and retain not in datasets:
        raise AttributionError(
            f"retain '{retain}' is no dataset of the mixture: name one of {', '.join(datasets)}, or '{OTHERS}'"
        )
    if len(datasets) == 1:
        raise AttributionError(f"there is no text to retain beside '{name}': retain needs a second dataset")
    if retain != OTHERS and _fingerprint(datasets[retain]) != _fingerprint(datasets[name]):
        return datasets[retain]
    return Examples.joined(sorted((each for other, each in datasets.items() if other != name), key=_fingerprint))


def _fingerprint(examples: Examples) -> tuple[tuple[int, ...], bytes]:
    digest = hashlib.sha256()
    for part in examples.parts:
        digest.update(part.cpu().numpy().tobytes())
    return tuple(examples.tokens.shape), digest.digest()
