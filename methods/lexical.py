"""Word overlap: what a method must beat to have seen more than the surface of the text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from lodo.methods.base import Attribution, AttributionMethod, register
from lodo.methods.provenance import Why, chosen

if TYPE_CHECKING:
    from torch import Tensor

    from lodo.methods.extent import Extent
    from lodo.tasks.likelihood import Examples
    from lodo.tasks.trained import TrainedModel


@register("bag-of-words")
@dataclass(frozen=True)
class BagOfWords(AttributionMethod):
    """Cosine of a dataset's and a subset's token counts, (K, S); the subset's scored tokens, the dataset's all."""

    summary: ClassVar[str] = "cosine of token counts"
    rough_trainings = 0.0
    suite = "default"

    def peak_vectors(self, extent: "Extent") -> float | None:
        return 0.0

    def attribute(self, trained: "TrainedModel") -> Attribution:
        import torch

        groups = [*trained.datasets.values(), *trained.subsets.values()]
        size = 1 + max(int(examples.tokens.max()) for examples in groups)

        def counts(groups: list["Examples"]) -> "Tensor":
            rows = [torch.bincount(group.tokens[group.scored], minlength=size).double() for group in groups]
            return torch.nn.functional.normalize(torch.stack(rows), dim=1)

        datasets, subsets = counts(list(trained.datasets.values())), counts(list(trained.subsets.values()))
        return Attribution.of(trained, datasets @ subsets.T)


@register("bm25")
@dataclass(frozen=True)
class BM25(AttributionMethod):
    """Mean BM25 score of a dataset's sequences for a subset's examples, (K, S).

    score(q, d) = sum over q's scored tokens w of idf(w) f / (f + k1 (1 - b + b |d| / mean |d|)), f the count of w in
    d, idf(w) = ln(1 + (N - n + 0.5) / (n + 0.5)) over all N shown sequences of all datasets, n of which hold w
    (Lucene's, never negative). influence_ks is its mean over the subset's examples and the dataset's sequences.

    The mean over all sequences says how much of a dataset is about the subset: leaving it out takes all of that away.
    The best few alone say whether it holds anything at all about it.

    Attributes:
        k1: how soon more of the same token stops counting.
        b: how much a long sequence is held against it; packed sequences are all equally long.
        top: mean over each example's best sequences of the dataset alone; None = over all.
    """

    k1: Annotated[float, Field(ge=0)] = 1.5
    b: Annotated[float, Field(ge=0, le=1)] = 0.75
    top: Annotated[int, Field(gt=0)] | None = None

    summary: ClassVar[str] = "mean BM25 score of a dataset's sequences for the test examples"
    rough_trainings = 0.0
    paper: ClassVar[str] = "Robertson & Zaragoza 2009"
    suite = "default"
    defaults: ClassVar[Mapping[str, Why]] = {
        "k1": chosen("bm25s's default"),
        "b": chosen("bm25s's default"),
        "top": chosen("leaving a dataset out takes all of its text away"),
    }

    def peak_vectors(self, extent: "Extent") -> float | None:
        return 0.0

    def attribute(self, trained: "TrainedModel") -> Attribution:
        import bm25s
        import numpy as np

        groups = [*trained.datasets.values(), *trained.subsets.values()]
        shown = [row for group in trained.datasets.values() for row in group.rows()]
        largest = max(*(int(group.tokens.max()) for group in groups), *map(max, shown))
        vocabulary = {token: token for token in range(1 + largest)}
        index = bm25s.BM25(k1=self.k1, b=self.b, method="lucene", dtype="float64")
        index.index((shown, vocabulary), create_empty_token=False, show_progress=False)
        ends = np.cumsum([len(group) for group in trained.datasets.values()])[:-1]

        def scores(query: list[int]) -> list[float]:
            by_dataset = np.split(index.get_scores_from_ids(query), ends)
            return [float(np.sort(part)[::-1][: self.top].mean()) for part in by_dataset]

        columns = [
            np.mean([scores(row[kept].tolist()) for row, kept in zip(group.tokens, group.scored, strict=True)], axis=0)
            for group in trained.subsets.values()
        ]
        return Attribution.of(trained, np.stack(columns, axis=1))
