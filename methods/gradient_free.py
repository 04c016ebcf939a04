"""What needs no gradient: how much was read of a dataset, how well it is known, how alike its hidden states are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lodo.methods.base import Attribution, AttributionError, AttributionMethod, register

if TYPE_CHECKING:
    from torch import Tensor

    from lodo.methods.extent import Extent
    from lodo.tasks.likelihood import Examples
    from lodo.tasks.trained import TrainedModel


def alike(trained: "TrainedModel", column: "Tensor") -> Attribution:
    """The same number for every subset: (K,) to (K, S)."""
    return Attribution.of(trained, column[:, None].expand(-1, len(trained.subsets)))


@register("token-count")
@dataclass(frozen=True)
class TokenCount(AttributionMethod):
    """How many tokens of each dataset the training's loss counted, repeats too, the same for every subset, (K, S).

    Counted batch by batch in the replay of the training; without one, a dataset's slots times the mean number of
    scored tokens in the sequences that are shown of it. Where all sequences are packed to one length, as in the
    pretraining tasks, it is ``dataset-size`` times that length less one, and scores the same.
    """

    summary: ClassVar[str] = "number of training tokens"
    exempt: ClassVar[Mapping[str, str]] = {"sign of the truth": "a count is the same for every subset"}
    rough_trainings = 0.0
    whole: ClassVar[bool] = True

    def peak_vectors(self, extent: "Extent") -> float | None:
        return 0.0

    def attribute(self, trained: "TrainedModel") -> Attribution:
        import torch

        replay = trained.replay
        if replay is None:
            each = [trained.sizes[name] * group.count / len(group) for name, group in trained.datasets.items()]
            return alike(trained, torch.tensor(each, dtype=torch.float64))
        counts = torch.zeros(len(trained.datasets), dtype=torch.float64)
        for step in range(replay.steps):
            counts.index_add_(0, replay.owners(step), replay.batch(step).scored.sum(1).double().cpu())
        return alike(trained, counts)


@register("dataset-loss")
@dataclass(frozen=True)
class DatasetLoss(AttributionMethod):
    """Minus the model's loss on each dataset, -L(Z_k), nats per token, the same for every subset, (K, S).

    Minus, because a low loss means that the model has taken a dataset in (or needed little of it): what was not
    learned cannot be missed.
    """

    summary: ClassVar[str] = "minus the model's loss on each dataset"
    exempt: ClassVar[Mapping[str, str]] = {"sign of the truth": "a dataset's loss is the same for every subset"}
    rough_trainings = 0.08

    def peak_vectors(self, extent: "Extent") -> float | None:
        return 0.0

    def attribute(self, trained: "TrainedModel") -> Attribution:
        losses = trained.remembered("dataset losses", lambda: trained.losses(trained.datasets), "datasets")
        return alike(trained, -losses)


@register("hidden-states")
@dataclass(frozen=True)
class HiddenStates(AttributionMethod):
    """Cosine of a dataset's and a subset's mean last hidden state, less the datasets' mean, (K, S).

    influence_ks = cos(h_k - h, h'_s - h), h_k and h'_s the means over the positions from which the scored tokens are
    predicted, after the final layer norm, h the mean of the K h_k. Without taking h off all cosines are nearly 1.

    Raises:
        AttributionError: the model gives no hidden states.
    """

    summary: ClassVar[str] = "cosine of mean last hidden states, centred over the datasets"
    rough_trainings = 0.09
    suite = "default"

    def peak_vectors(self, extent: "Extent") -> float | None:
        return 0.0

    def attribute(self, trained: "TrainedModel") -> Attribution:
        import torch

        def means(groups: "Mapping[str, Examples]") -> "Tensor":
            return torch.stack([mean_state(trained, group) for group in groups.values()])

        datasets = trained.remembered("dataset states", lambda: means(trained.datasets), "datasets")
        subsets = trained.remembered("subset states", lambda: means(trained.subsets), "subsets")
        centre = datasets.mean(0)
        a, b = (torch.nn.functional.normalize(states - centre, dim=1) for states in (datasets, subsets))
        return Attribution.of(trained, a @ b.T)


def mean_state(trained: "TrainedModel", examples: "Examples") -> "Tensor":
    """The last hidden state that the output layer sees, mean over the places before scored tokens, (D,) float64.

    Raises AttributionError where the model gives none.
    """
    import torch

    from lodo.tasks.likelihood import IGNORED, PASS, autocast, labels_of, last_states

    device = str(next(trained.model.parameters()).device)
    total: Tensor | int = 0
    for batch in examples.batches(PASS):
        with torch.no_grad(), autocast(trained.recipe, device):
            states = last_states(trained.model, batch)
        if states is None:
            raise AttributionError(
                f"a {type(trained.model).__name__} gives no hidden states to compare; take bag-of-words or bm25, or a "
                "model whose forward answers output_hidden_states"
            )
        total = total + states[labels_of(batch) != IGNORED].double().sum(0)
    assert isinstance(total, torch.Tensor)
    return total / examples.count
