"""What reads only the surface, against small recomputations: counts, losses, BM25, hidden states."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from lodo.methods import AttributionError
from lodo.methods.gradient_free import DatasetLoss, HiddenStates, TokenCount
from lodo.methods.lexical import BM25
from lodo.tasks.convex import ConvexModel
from lodo.tasks.likelihood import PAD, Examples
from lodo.tasks.replay import Replay
from lodo.tasks.slots import Slots

from .conftest import RECIPE, SPEC


@pytest.fixture
def ragged(trained):
    """Dataset ``b`` ends in padding from the fifth token on; of subset ``x`` only tokens 4 to 6 are scored."""
    b, x = trained.datasets["b"], trained.subsets["x"]
    tokens, scored = b.tokens.clone(), b.scored.clone()
    tokens[:, 5:], scored[:, 5:] = PAD, False
    some = torch.zeros_like(x.scored)
    some[:, 4:7] = True
    return dataclasses.replace(
        trained,
        datasets={**trained.datasets, "b": Examples(tokens, scored)},
        subsets={**trained.subsets, "x": Examples(x.tokens, some)},
    )


def same_for_all(attribution, wanted):
    assert attribution.influence.shape == (3, 2)
    np.testing.assert_allclose(attribution.influence, np.transpose([wanted, wanted]), rtol=1e-12)


def test_token_count_counts_what_the_training_was_scored_on(trained):
    owner = np.array([0] * 5 + [1] * 12 + [2] * 3)
    pools = [np.full((6, RECIPE.sequence_length), 3 + index) for index in range(3)]
    stock = [Examples.whole(torch.from_numpy(pool)) for pool in pools]
    replay = Replay.of(SPEC, RECIPE, 30, stock, Slots(owner, np.arange(20) % 6, 0), seed=0)
    same_for_all(TokenCount().attribute(dataclasses.replace(trained, replay=replay)), [5 * 7, 12 * 7, 3 * 7])


def test_token_count_without_a_replay_goes_by_the_sequences_shown(ragged):
    same_for_all(TokenCount().attribute(ragged), [10 * 7, 6 * 4, 4 * 7])


def test_dataset_loss_is_minus_the_mean_cross_entropy_of_next_tokens(trained):
    def loss(examples):
        with torch.no_grad():
            logits = trained.model(input_ids=examples.tokens).logits[:, :-1]
        return float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), examples.tokens[:, 1:].flatten()))

    losses = [loss(examples) for examples in trained.datasets.values()]
    assert min(losses) > 0
    assert len(set(losses)) == 3
    same_for_all(DatasetLoss().attribute(trained), [-value for value in losses])


def bm25(trained, k1, b, top):
    """The definition, word by word."""
    shown = {
        name: [[t for t in row.tolist() if t != PAD] for row in group.tokens]
        for name, group in trained.datasets.items()
    }
    documents = [document for group in shown.values() for document in group]
    mean_length = sum(map(len, documents)) / len(documents)

    def score(query, document):
        total = 0.0
        for word in query:
            holding = sum(word in other for other in documents)
            idf = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
            count = document.count(word)
            total += idf * count / (count + k1 * (1 - b + b * len(document) / mean_length))
        return total

    scores = np.zeros((len(shown), len(trained.subsets)))
    for s, subset in enumerate(trained.subsets.values()):
        queries = [row[kept].tolist() for row, kept in zip(subset.tokens, subset.scored, strict=True)]
        for k, group in enumerate(shown.values()):
            for query in queries:
                best = sorted((score(query, document) for document in group), reverse=True)[:top]
                scores[k, s] += sum(best) / len(best) / len(queries)
    return scores


@pytest.mark.parametrize("top", [None, 1, 2])
@pytest.mark.parametrize(("k1", "b"), [(1.5, 0.75), (0.4, 1.0), (0.9, 0.0)])
def test_bm25_is_its_definition(ragged, k1, b, top):
    influence = BM25(k1=k1, b=b, top=top).attribute(ragged).influence
    np.testing.assert_allclose(influence, bm25(ragged, k1, b, top), rtol=1e-12)
    assert np.ptp(influence, axis=0).min() > 0.01


def test_bm25_defaults_are_the_usual_ones(ragged):
    np.testing.assert_allclose(BM25().attribute(ragged).influence, bm25(ragged, 1.5, 0.75, None), rtol=1e-12)


def test_bm25_prefers_the_dataset_that_holds_the_words_and_ignores_unknown_ones(trained):
    rare = Examples.whole(torch.tensor([[1, 40, 41, 41]]))
    marked = {**trained.datasets, "c": Examples.whole(trained.datasets["c"].tokens.clone().fill_(41))}
    influence = BM25().attribute(dataclasses.replace(trained, datasets=marked, subsets={"rare": rare})).influence[:, 0]
    assert influence[2] > 0
    np.testing.assert_array_equal(influence[:2], 0)


def hidden(trained):
    """What the output layer sees before each scored token, one example at a time, and cosines in numpy."""

    def mean(examples):
        seen, model = [], trained.copy()
        model.lm_head.register_forward_pre_hook(lambda module, args: seen.append(args[0][0].detach().numpy()))
        states = []
        for tokens, scored in zip(examples.tokens, examples.scored, strict=True):
            model(input_ids=tokens[None])
            states += [seen[-1][place - 1] for place in range(len(tokens)) if scored[place]]
        return np.mean(states, axis=0)

    datasets, subsets = (np.array([mean(e) for e in g.values()]) for g in (trained.datasets, trained.subsets))
    middle = datasets.mean(0)
    a, b = datasets - middle, subsets - middle
    return a @ b.T / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(b, axis=1)


def test_hidden_states_are_centred_cosines_of_what_predicts_the_scored_tokens(ragged):
    np.testing.assert_allclose(HiddenStates().attribute(ragged).influence, hidden(ragged), rtol=1e-8, atol=1e-10)


def test_a_subset_of_a_datasets_own_text_is_closest_to_it(trained):
    same = dataclasses.replace(trained, subsets=dict(trained.datasets))
    influence = HiddenStates().attribute(same).influence
    np.testing.assert_allclose(np.diag(influence), 1)
    assert np.abs(influence[~np.eye(3, dtype=bool)]).max() < 0.99


def test_a_model_without_hidden_states_is_refused_in_a_sentence(trained):
    convex = dataclasses.replace(trained, model=ConvexModel("logistic", 30, 4).double())
    with pytest.raises(AttributionError, match=r"ConvexModel gives no hidden states.*bag-of-words"):
        HiddenStates().attribute(convex)
