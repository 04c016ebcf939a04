"""What a model has forgotten: perplexity, next-token accuracy and Min-K% membership of groups of text."""

from dataclasses import dataclass

import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from lodo.tasks.likelihood import PASS, Examples, log_probs, predict


@dataclass(frozen=True)
class Forgetting:
    """The figures of arXiv 2402.15159 for a model that has unlearned a dataset, or was trained without it.

    Perplexity is exp of L, the mean loss of the scored tokens in nats (inf where that is too large for a float);
    accuracy is the share of scored tokens that are the model's likeliest ones.

    Attributes:
        forgotten_perplexity, forgotten_accuracy: on the dataset's text that the training used.
        approximate_perplexity, approximate_accuracy: on unseen text of the same distribution; theta_0's own stand in
            for a retrained model's on the forgotten text. None where there is no unseen text.
        retained_perplexity, retained_accuracy: on text that is to be kept.
        membership_auc: chance that Min-K% takes a forgotten sequence, rather than an unseen one, for a member, ties
            half; 0.5 = nothing of the membership left. None where there is no unseen text.
    """

    forgotten_perplexity: float
    forgotten_accuracy: float
    approximate_perplexity: float | None
    approximate_accuracy: float | None
    retained_perplexity: float
    retained_accuracy: float
    membership_auc: float | None


def forgetting(
    model: nn.Module, forgotten: Examples, unseen: Examples | None, retained: Examples, k: float = 0.2
) -> Forgetting:
    """Measure a model, given in evaluation mode, on three groups of text; one pass of each without gradients.

    Args:
        k: share of a sequence's least likely scored tokens that Min-K% averages, in (0, 1].
    """
    members = _Measured.of(model, forgotten, k)
    others = None if unseen is None or not len(unseen) else _Measured.of(model, unseen, k)
    kept = _Measured.of(model, retained, k)
    return Forgetting(
        members.perplexity,
        members.accuracy,
        None if others is None else others.perplexity,
        None if others is None else others.accuracy,
        kept.perplexity,
        kept.accuracy,
        None if others is None else membership_auc(members.scores, others.scores),
    )


def min_k_scores(log_probs: Tensor, counted: Tensor, k: float) -> Tensor:
    """Min-K% of each sequence (Shi et al. 2023): the mean of its lowest share ``k`` of counted log p, (n,) nats.

    The share is rounded down, to one token at least. Sequences without a counted token are left out.

    Args:
        log_probs, counted: (N, L) of the label at each place, and whether the loss counts it.
    """
    counts = counted.sum(1)
    lowest = log_probs.masked_fill(~counted, torch.inf).sort(1).values
    # 0.29 * 100 is a little below 29.
    taken = (k * counts.double() + 1e-9).long().clamp(min=1)
    among = torch.arange(lowest.shape[1], device=lowest.device) < taken[:, None]
    means: Tensor = lowest.masked_fill(~among, 0).sum(1) / taken
    return means[counts > 0]


def membership_auc(members: Tensor, others: Tensor) -> float:
    """Probability that a score of ``members`` is above one of ``others``, ties half (Mann-Whitney)."""
    ranks = rankdata(torch.cat([members, others]).double().cpu().numpy())
    wins = ranks[: len(members)].sum() - len(members) * (len(members) + 1) / 2
    return float(wins / (len(members) * len(others)))


@dataclass(frozen=True)
class _Measured:
    perplexity: float
    accuracy: float
    scores: Tensor

    @staticmethod
    def of(model: nn.Module, examples: Examples, k: float, batch_size: int = PASS) -> "_Measured":
        loss, right, scores = 0.0, 0, []
        with torch.no_grad():
            for batch in examples.batches(batch_size):
                predictions = predict(model, batch)
                chances = log_probs(model, predictions)
                loss -= float(chances.double().sum())
                right += int((predictions.logits.argmax(-1) == predictions.labels).sum())
                scores.append(min_k_scores(chances, predictions.mask, k))
        perplexity = float(torch.tensor(loss / examples.count, dtype=torch.float64).exp())
        return _Measured(perplexity, right / examples.count, torch.cat(scores))
