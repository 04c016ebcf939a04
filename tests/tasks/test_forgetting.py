"""The diagnostics of unlearning against recomputation token by token, and on models whose memory is known."""

import dataclasses
import math

import pytest
import torch
from torch import nn
from transformers.modeling_outputs import CausalLMOutput

from lodo.tasks.architectures.opt import Opt
from lodo.tasks.convex import ConvexModel
from lodo.tasks.forgetting import forgetting, membership_auc, min_k_scores
from lodo.tasks.likelihood import PASS, Examples, log_probs, mean_loss, predict, token_losses

SPEC = Opt(width=12, layers=1, heads=2, feedforward=24, positions=16)
VOCABULARY = 30


class Table(nn.Module):
    """Knows some sequences by heart: gives their next token with certainty, any other with a coin's."""

    def __init__(self, known, sharpness=8.0, seed=0):
        super().__init__()
        self.known = {tuple(row[: t + 1]): row[t + 1] for row in known.tolist() for t in range(len(row) - 1)}
        self.sharpness = sharpness
        self.generator = torch.Generator().manual_seed(seed)
        self.calls = []

    def forward(self, input_ids):
        self.calls.append((len(input_ids), torch.is_grad_enabled()))
        logits = torch.randn(*input_ids.shape, VOCABULARY, generator=self.generator, dtype=torch.float64)
        for n, row in enumerate(input_ids.tolist()):
            for t in range(len(row)):
                follows = self.known.get(tuple(row[: t + 1]))
                if follows is not None:
                    logits[n, t, follows] += self.sharpness
        return CausalLMOutput(logits=logits)


def sequences(count, length=9, seed=0):
    return torch.randint(3, VOCABULARY, (count, length), generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def model():
    opt = SPEC.build(VOCABULARY, seed=0, precision="float64").eval()
    with torch.no_grad():
        for value in opt.parameters():
            value.mul_(10) if value.ndim > 1 else None
    return opt


@pytest.fixture(scope="module")
def ragged():
    """70 sequences of 4 to 9 tokens, so that there is a second batch; some with unscored beginnings."""
    tokens = sequences(70, seed=1)
    lengths = torch.randint(4, 10, (70,), generator=torch.Generator().manual_seed(2))
    for row, length in enumerate(lengths.tolist()):
        tokens[row, length:] = 0
    scored = tokens != 0
    scored[:, 0] = False
    scored[::3, 1:3] = False
    return Examples(tokens, scored)


def by_hand(model, examples, k):
    """(perplexity, accuracy, Min-K% scores), one token at a time; each is predicted from the ones before it alone."""
    total, right, count, scores = 0.0, 0, 0, []
    for row, scored in zip(examples.tokens.tolist(), examples.scored.tolist(), strict=True):
        log_chances = []
        for t in range(1, len(row)):
            if not scored[t]:
                continue
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([row[:t]])).logits[0, -1]
            chances = (logits - logits.max()).exp() / (logits - logits.max()).exp().sum()
            log_chances.append(math.log(chances[row[t]].item()))
            right += int(logits.argmax()) == row[t]
        total += sum(log_chances)
        count += len(log_chances)
        lowest = sorted(log_chances)[: max(1, math.floor(k * len(log_chances)))]
        scores.append(sum(lowest) / len(lowest))
    return math.exp(-total / count), right / count, scores


def pairs_won(members, others):
    return sum((a > b) + 0.5 * (a == b) for a in members for b in others) / len(members) / len(others)


@pytest.mark.parametrize("k", [0.2, 0.5, 1.0])
def test_figures_are_those_of_each_token_by_itself(model, ragged, k):
    with torch.no_grad():
        said = model(input_ids=ragged.tokens[:8]).logits[:, :-1].argmax(-1)
    easy = Examples.whole(torch.cat([ragged.tokens[:8, :1], said], dim=1)[:, :2])  # what the model would say
    unseen = Examples.whole(sequences(9, seed=3))
    figures = forgetting(model, ragged, unseen, easy, k)
    wanted = [by_hand(model, each, k) for each in (ragged, unseen, easy)]
    assert figures.forgotten_perplexity == pytest.approx(wanted[0][0])
    assert figures.forgotten_accuracy == pytest.approx(wanted[0][1])
    assert figures.approximate_perplexity == pytest.approx(wanted[1][0])
    assert figures.approximate_accuracy == pytest.approx(wanted[1][1])
    assert figures.retained_perplexity == pytest.approx(wanted[2][0])
    assert figures.retained_accuracy == wanted[2][1] == 1
    assert figures.membership_auc == pytest.approx(pairs_won(wanted[0][2], wanted[1][2]))
    assert figures.forgotten_perplexity == pytest.approx(math.exp(mean_loss(model, ragged)))


def test_a_memorising_model_gives_its_members_away_and_a_random_one_does_not():
    firsts = torch.arange(3, 28)[:, None]  # a beginning of one token says which sequence it is
    used, unused, other = (Examples.whole(torch.cat([firsts, sequences(25, seed=seed)], dim=1)) for seed in (4, 5, 6))
    knows = forgetting(Table(used.tokens), used, unused, other)
    assert knows.forgotten_accuracy > 0.99
    assert knows.forgotten_perplexity < 1.5
    assert knows.membership_auc == 1
    for text in (knows.approximate_perplexity, knows.retained_perplexity):
        assert text > 20
    for text in (knows.approximate_accuracy, knows.retained_accuracy):
        assert text < 0.1
    blank = forgetting(Table(used.tokens[:0]), used, unused, other)
    assert blank.membership_auc == pytest.approx(0.5, abs=0.2)
    assert blank.forgotten_accuracy < 0.1
    # The other way round the members are the unseen ones.
    assert forgetting(Table(used.tokens), unused, used, other).membership_auc == 0


def test_labels_are_not_off_by_one():
    """A model that copies the token it reads is right where tokens repeat, and nowhere else."""

    class Copies(nn.Module):
        def forward(self, input_ids):
            return CausalLMOutput(logits=20.0 * nn.functional.one_hot(input_ids, VOCABULARY).double())

    constant = Examples.whole(torch.full((3, 6), 7))
    counting = Examples.whole(torch.arange(3, 12).repeat(3, 1))
    figures = forgetting(Copies(), constant, None, counting)
    assert figures.forgotten_accuracy == 1
    assert figures.forgotten_perplexity == pytest.approx(1, abs=1e-6)
    assert figures.retained_accuracy == 0
    assert figures.retained_perplexity > 1e8


def test_without_unseen_text_there_is_no_approximation(model):
    used, kept = (Examples.whole(sequences(4, seed=seed)) for seed in (7, 8))
    full = forgetting(model, used, Examples.whole(sequences(5, seed=9)), kept)
    for nothing in (None, Examples.whole(sequences(0))):
        figures = forgetting(model, used, nothing, kept)
        gone = {"approximate_perplexity": None, "approximate_accuracy": None, "membership_auc": None}
        assert figures == dataclasses.replace(full, **gone)


def test_one_pass_of_each_group_in_batches_without_gradients():
    model = Table(sequences(2))
    groups = (Examples.whole(sequences(count)) for count in (2 * PASS + 2, 3, PASS))
    forgetting(model, *groups)
    assert model.calls == [(PASS, False), (PASS, False), (2, False), (3, False), (PASS, False)]


def test_min_k_takes_the_lowest_share_rounded_down_of_scored_tokens():
    chances = torch.tensor([[-1.0, -5.0, -3.0, -2.0, -4.0, 0.0], [-1.0, -9.0, 0.0, 0.0, 0.0, 0.0], [0.0] * 6])
    counted = torch.tensor([[True] * 5 + [False], [True] + [False] * 5, [False] * 6])
    assert min_k_scores(chances, counted, 0.2).tolist() == [-5, -1]
    assert min_k_scores(chances, counted, 0.5).tolist() == [-4.5, -1]  # 2 of 5
    assert min_k_scores(chances, counted, 0.01).tolist() == [-5, -1]
    assert min_k_scores(chances, counted, 1.0).tolist() == [-3, -1]
    hundred = -torch.arange(1, 101.0)[None]
    assert min_k_scores(hundred, torch.ones(1, 100, dtype=torch.bool), 0.29).tolist() == [-(72 + 100) / 2]


def test_auc_counts_pairs_and_ties_half():
    members, others = torch.tensor([3.0, 1.0, 2.0]), torch.tensor([2.0, 0.0])
    assert membership_auc(members, others) == pytest.approx(pairs_won(members.tolist(), others.tolist()))
    assert membership_auc(members, others) == pytest.approx(4.5 / 6)
    assert membership_auc(torch.ones(4), torch.ones(3)) == 0.5


@pytest.mark.parametrize("kind", ["logistic", "ridge"])
def test_log_probs_add_up_to_the_loss(kind, ragged, model):
    torch.manual_seed(0)
    convex = ConvexModel(kind, VOCABULARY, 5).double()
    nn.init.normal_(convex.head.weight)
    for each in (convex, model):
        predictions = predict(each, ragged)
        chances = log_probs(each, predictions)
        assert chances.shape == ragged.tokens.shape
        assert (chances[~predictions.mask] == 0).all()
        assert -chances.sum().item() == pytest.approx(token_losses(each, ragged).item())


@pytest.mark.parametrize(("gap", "wanted"), [(100, math.exp(100) + VOCABULARY - 1), (1e4, math.inf)])
def test_perplexity_is_infinite_only_beyond_doubles(gap, wanted):
    class Sure(nn.Module):
        def forward(self, input_ids):
            logits = torch.zeros(*input_ids.shape, VOCABULARY)
            logits[..., 0] = gap
            return CausalLMOutput(logits=logits)

    text = Examples.whole(sequences(2))
    assert forgetting(Sure(), text, None, text).forgotten_perplexity == pytest.approx(wanted, rel=1e-4)
