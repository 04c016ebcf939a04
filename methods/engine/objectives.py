"""What an unlearning step minimises: the objectives of arXiv 2402.15159, NPO and SimNPO, and what they need frozen."""

import hashlib
from collections.abc import Callable

import torch
from torch import Tensor, nn

from lodo.methods.base import AttributionError
from lodo.methods.engine.unlearning import Objective, Part
from lodo.tasks.forgetting import token_log_probs
from lodo.tasks.model import PAD, PASS, Examples, autocast, summed_loss, token_losses
from lodo.tasks.trained import TrainedModel

OTHERS = "others"


def descent(model: nn.Module, part: Part) -> Tensor:
    """The token mean of the loss: what training minimises."""
    return token_losses(model, part.examples) / part.tokens


def relabelled(labels: Tensor) -> Objective:
    """The token mean of the loss of other labels, (N, L) like the pool's tokens: column t is predicted from before t.

    The tokens that the model reads stay the true ones.
    """

    def loss(model: nn.Module, part: Part) -> Tensor:
        read = part.examples.tokens
        wanted = Examples(labels[part.rows, : read.shape[1]], part.examples.scored)
        return summed_loss(model, model(input_ids=read).logits, wanted) / part.tokens

    return loss


def divergence_from(frozen: nn.Module) -> Objective:
    """KL(frozen || current) of the next token, mean over the scored tokens, in nats; 0 where the two agree, else more.

    The frozen model reads each batch anew: kept targets would be a vocabulary wide for every token. A squared loss's
    logits are taken as a softmax's, as everywhere where a distribution over tokens is asked for.
    """

    def loss(model: nn.Module, part: Part) -> Tensor:
        counted = part.examples.scored[:, 1:]

        def log_probs(model: nn.Module) -> Tensor:
            logits = model(input_ids=part.examples.tokens).logits[:, :-1][counted]
            return nn.functional.log_softmax(logits.float() if logits.dtype == torch.bfloat16 else logits, dim=-1)

        with torch.no_grad():
            target = log_probs(frozen)
        return nn.functional.kl_div(log_probs(model), target, log_target=True, reduction="sum") / part.tokens

    return loss


def npo(reference: Tensor, beta: float) -> Objective:
    """Negative preference optimization (arXiv 2404.05868): mean of -2/beta log sigma(-beta log(pi / pi_ref)).

    ``reference`` is log pi_ref of every sequence of the pool, (N,) nats. The gradient at theta_0 is that of the mean
    sequence log-probability, for every beta.
    """

    def loss(model: nn.Module, part: Part) -> Tensor:
        ratio = sequence_log_probs(model, part.examples) - reference[part.rows]
        return -2 / beta * nn.functional.logsigmoid(-beta * ratio).sum() / part.sequences

    return loss


def simnpo(beta: float, gamma: float) -> Objective:
    """SimNPO (arXiv 2410.07163): mean of -2/beta log sigma(-beta/|y| log pi(y) - gamma), |y| = its scored tokens."""

    def loss(model: nn.Module, part: Part) -> Tensor:
        # A sequence without scored tokens has log-probability 0 and no gradient, whatever it is divided by.
        lengths = part.examples.scored[:, 1:].sum(1).clamp(min=1)
        mean = sequence_log_probs(model, part.examples) / lengths
        return -2 / beta * nn.functional.logsigmoid(-beta * mean - gamma).sum() / part.sequences

    return loss


def sequence_log_probs(model: nn.Module, examples: Examples) -> Tensor:
    """log pi of each sequence's scored tokens, (N,) nats."""
    return token_log_probs(model, model(input_ids=examples.tokens).logits, examples).sum(1)


def reference_log_probs(trained: TrainedModel, examples: Examples) -> Tensor:
    """log pi_ref, theta_0's `sequence_log_probs` of all examples, (N,) nats; one pass without gradients."""
    return torch.cat(_frozen(trained, examples, sequence_log_probs))


def random_labels(trained: TrainedModel, examples: Examples, generator: torch.Generator) -> Tensor:
    """A label for each token, uniform over the vocabulary, (N, L); the same ones for sets of the same shape."""
    (logits,) = _frozen(trained, examples[:1], lambda model, batch: model(input_ids=batch.tokens).logits)
    labels = torch.randint(logits.shape[-1], examples.tokens.shape, generator=generator)
    return labels.to(examples.tokens.device)


def adversarial_labels(trained: TrainedModel, examples: Examples) -> Tensor:
    """Theta_0's likeliest wrong token in each token's place, (N, L); one pass without gradients.

    Column t is chosen by what theta_0 predicts from the tokens before t and is never token t; column 0, which nothing
    predicts, is PAD.
    """

    def best_wrong(model: nn.Module, batch: Examples) -> Tensor:
        logits = model(input_ids=batch.tokens).logits[:, :-1]
        wrong = logits.scatter(2, batch.tokens[:, 1:, None], -torch.inf).argmax(-1)
        return nn.functional.pad(wrong, (1, examples.tokens.shape[1] - batch.tokens.shape[1]), value=PAD)

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
    return _joined(sorted((each for other, each in datasets.items() if other != name), key=_fingerprint))


def _fingerprint(examples: Examples) -> tuple[tuple[int, ...], bytes]:
    digest = hashlib.sha256(examples.tokens.cpu().numpy().tobytes())
    digest.update(examples.scored.cpu().numpy().tobytes())
    return tuple(examples.tokens.shape), digest.digest()


def _joined(groups: list[Examples]) -> Examples:
    longest = max(each.tokens.shape[1] for each in groups)

    def padded(tokens: Tensor, value: int) -> Tensor:
        return nn.functional.pad(tokens, (0, longest - tokens.shape[1]), value=value)

    return Examples(
        torch.cat([padded(each.tokens, PAD) for each in groups]),
        torch.cat([padded(each.scored, False) for each in groups]),
    )
