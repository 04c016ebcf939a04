"""The unlearning objectives against formulas written out anew, in double precision, and the methods made of them."""

import dataclasses

import numpy as np
import pytest
import torch

from lodo.methods.base import AttributionError
from lodo.methods.engine import unlearning_losses
from lodo.methods.engine.unlearning import Ascent, Part, Term, ascent, unlearn
from lodo.methods.objectives import (
    UnTracAdversarial,
    UnTracDescent,
    UnTracKL,
    UnTracNPO,
    UnTracRandom,
    UnTracSimNPO,
)
from lodo.methods.untrac import UnTrac
from lodo.tasks.likelihood import Examples, mean_loss, token_losses

ALL = (UnTracRandom, UnTracAdversarial, UnTracDescent, UnTracKL, UnTracNPO, UnTracSimNPO)
FAST = {"lr": 1e-3, "batch_size": 4, "epochs": 3, "points": 1}


@pytest.fixture
def ragged():
    """Four sequences of different lengths, one with its first tokens not scored."""
    generator = torch.Generator().manual_seed(3)
    tokens = torch.randint(3, 30, (4, 8), generator=generator)
    for row, length in enumerate((7, 5, 7, 4)):
        tokens[row, length:] = 0
    scored = tokens != 0
    scored[:, 0] = False
    scored[2, 1:4] = False
    return Examples(tokens, scored)


@pytest.fixture
def moved(trained):
    """A model a little away from theta_0."""
    model = trained.copy()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for value in model.parameters():
            value.add_(torch.randn(value.shape, generator=generator, dtype=value.dtype), alpha=0.05)
    return model


@pytest.fixture
def learned(trained):
    """A model that has learned its datasets, each of which is a test subset too."""
    model = trained.copy()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        sum(token_losses(model, each) / each.count for each in trained.datasets.values()).backward()
        optimizer.step()
    model.zero_grad(set_to_none=True)
    learned = dataclasses.replace(trained, model=model, subsets=dict(trained.datasets))
    assert learned.losses(learned.datasets).max() < 2  # uniform over the vocabulary is 3.4
    return learned


def whole(examples):
    return Part(examples, torch.arange(len(examples)), examples.count, len(examples))


def gradient(model, loss):
    parts = torch.autograd.grad(loss, [value for value in model.parameters() if value.requires_grad])
    return torch.cat([part.flatten() for part in parts])


def log_prob_table(model, examples):
    """log p of every vocabulary entry for each scored token, by (sequence, position), one sequence at a time."""
    table = {}
    for n, row in enumerate(examples.tokens):
        length = int((row != 0).sum())
        logits = model(input_ids=row[None, :length]).logits[0]
        for t in range(1, length):
            if examples.scored[n, t]:
                table[n, t] = logits[t - 1] - logits[t - 1].exp().sum().log()
    return table


def sequence_sums(model, examples):
    table = log_prob_table(model, examples)
    return [sum(table[n, t][examples.tokens[n, t]] for (m, t) in table if m == n) for n in range(len(examples))]


def independent(name, model, trained, examples):
    """Each objective as its paper writes it."""
    table = log_prob_table(model, examples)
    tokens = examples.tokens
    match name:
        case "ascent":
            return sum(table[key][tokens[key]] for key in table) / len(table)
        case "descent":
            return -sum(table[key][tokens[key]] for key in table) / len(table)
        case "random":
            labels = unlearning_losses.random_labels(trained, examples, trained.generator("labels"))
            return -sum(table[n, t][labels[n, t - 1]] for n, t in table) / len(table)
        case "adversarial":
            with torch.no_grad():
                frozen = log_prob_table(trained.model, examples)
            total = 0.0
            for key in table:
                wrong = max((v for v in range(30) if v != tokens[key]), key=lambda v, key=key: float(frozen[key][v]))
                total = total - table[key][wrong]
            return total / len(table)
        case "kl":
            with torch.no_grad():
                frozen = log_prob_table(trained.model, examples)
            return sum((frozen[key].exp() * (frozen[key] - table[key])).sum() for key in table) / len(table)
        case "npo":
            with torch.no_grad():
                initial = sequence_sums(trained.model, examples)
            now = sequence_sums(model, examples)
            # 2/beta log(1 + (pi / pi_0)^beta) is the same loss without a sigmoid.
            return sum(2 / 0.1 * torch.log(1 + torch.exp(0.1 * (a - b))) for a, b in zip(now, initial, strict=True)) / 4
        case "simnpo":
            lengths = examples.scored.sum(1).tolist()
            now = sequence_sums(model, examples)
            return (
                sum(2 / 2.5 * torch.log(1 + torch.exp(2.5 / n * a + 0.7)) for a, n in zip(now, lengths, strict=True))
                / 4
            )
    raise AssertionError(name)


def ours(name, trained, examples):
    match name:
        case "ascent":
            return ascent
        case "descent":
            return unlearning_losses.descent
        case "random":
            labels = unlearning_losses.random_labels(trained, examples, trained.generator("labels"))
            return unlearning_losses.descent_on(labels)
        case "adversarial":
            return unlearning_losses.descent_on(unlearning_losses.adversarial_labels(trained, examples))
        case "kl":
            return unlearning_losses.divergence_from(trained.model)
        case "npo":
            return unlearning_losses.npo(unlearning_losses.initial_log_probs(trained, examples), beta=0.1)
        case "simnpo":
            return unlearning_losses.simnpo(beta=2.5, gamma=0.7)
    raise AssertionError(name)


NAMES = ("ascent", "descent", "random", "adversarial", "kl", "npo", "simnpo")


@pytest.mark.parametrize("name", NAMES)
def test_loss_and_gradient_are_the_stated_ones(trained, moved, ragged, name):
    loss = ours(name, trained, ragged)(moved, whole(ragged))
    wanted = independent(name, moved, trained, ragged)
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-10)
    torch.testing.assert_close(gradient(moved, loss), gradient(moved, wanted), rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_batches_change_memory_only(trained, ragged, name):
    """Parts of one sequence each add up, and find their own rows of what was computed for the pool."""

    def final(micro_batch):
        term = Term(ragged, ours(name, trained, ragged), trained.generator("order"))
        ways = [term] if name != "kl" else [Term(ragged, ascent, trained.generator("order")), term]
        return unlearn(trained, ways, Ascent("sgd", 0.05, 3, 3), (3,), micro_batch)

    torch.testing.assert_close(final(64), final(1))
    assert (final(1) - torch.nn.utils.parameters_to_vector(trained.model.parameters())).abs().max() > 1e-6


def test_adversarial_labels_are_the_likeliest_of_the_wrong_tokens_in_place(trained, ragged):
    labels = unlearning_losses.adversarial_labels(trained, ragged)
    assert labels.shape == ragged.tokens.shape
    logits = trained.model(input_ids=ragged.tokens[:, :7]).logits
    best = logits.argmax(-1)
    for n, t in ragged.scored.nonzero().tolist():
        true = int(ragged.tokens[n, t])
        assert int(labels[n, t - 1]) != true
        ranked = logits[n, t - 1].argsort(descending=True).tolist()
        assert int(labels[n, t - 1]) == next(v for v in ranked if v != true)
    # The model's own continuation as the text: every label must be the second choice.
    text = Examples.whole(torch.cat([ragged.tokens[:, :1], best[:, :1]], dim=1))
    second = logits[:, 0].topk(2).indices[:, 1]
    assert torch.equal(unlearning_losses.adversarial_labels(trained, text)[:, 0], second)


def test_random_labels_are_uniform_and_the_same_for_equal_shapes(trained):
    def labels(examples):
        return unlearning_losses.random_labels(trained, examples, trained.generator("random labels"))

    a, b = labels(trained.datasets["a"]), labels(trained.datasets["b"])
    assert torch.equal(a, b)
    many = labels(Examples.whole(torch.full((600, 10), 5)))
    counts = torch.bincount(many[:, :-1].flatten(), minlength=30)
    assert len(counts) == 30
    assert counts.min() > 150  # 200 expected of each, standard deviation 14


def test_divergence_is_nothing_at_theta_0_and_more_anywhere_else(trained, moved, ragged):
    divergence = unlearning_losses.divergence_from(trained.model)
    model = trained.copy()
    loss = divergence(model, whole(ragged))
    assert abs(loss.item()) < 1e-12
    assert float(gradient(model, loss).abs().max()) < 1e-12
    assert divergence(moved, whole(ragged)).item() > 1e-3
    assert all(value.grad is None for value in trained.model.parameters())


def test_npo_becomes_ascent_on_sequences_as_beta_vanishes(trained, moved, ragged):
    initial = unlearning_losses.initial_log_probs(trained, ragged)
    wanted = gradient(moved, unlearning_losses.sequence_log_probs(moved, ragged).mean())
    gaps = []
    for beta in (1e-1, 1e-2, 1e-3):
        slope = gradient(moved, unlearning_losses.npo(initial, beta)(moved, whole(ragged)))
        gaps.append(float((slope - wanted).norm() / wanted.norm()))
    assert gaps[2] < 1e-3
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.2)
    assert gaps[1] / gaps[2] == pytest.approx(10, rel=0.2)


def test_npo_at_theta_0_has_the_gradient_of_ascent_whatever_beta(trained, ragged):
    model = trained.copy()
    loss = unlearning_losses.npo(unlearning_losses.initial_log_probs(trained, ragged), 3.0)(model, whole(ragged))
    assert loss.item() == pytest.approx(2 / 3.0 * np.log(2), rel=1e-12)
    wanted = gradient(model, unlearning_losses.sequence_log_probs(model, ragged).mean())
    torch.testing.assert_close(gradient(model, loss), wanted)


@pytest.mark.parametrize("cls", ALL)
def test_a_forgotten_set_has_a_higher_loss(learned, cls):
    influence = cls(lr=2e-3, batch_size=6, epochs=4, points=1).attribute(learned).influence[-1]
    assert (np.diag(influence) > 0.01).all()


@pytest.mark.parametrize("cls", [UnTrac, *ALL])
def test_equal_datasets_get_equal_scores(trained, cls):
    a, b, c = trained.datasets.values()
    twins = dataclasses.replace(trained, datasets={"a": a, "b": b, "c": c, "twin": a})
    influence = cls(**FAST).attribute(twins).influence[-1]
    np.testing.assert_allclose(influence[0], influence[3], rtol=1e-12)
    assert np.abs(influence[0] - influence[1]).max() > 1e-6


@pytest.mark.parametrize("cls", [UnTrac, *ALL])
def test_order_and_names_of_datasets_do_not_matter(trained, cls):
    influence = cls(**FAST).attribute(trained).influence[-1]
    names = {"c": "one", "a": "two", "b": "three"}
    turned = dataclasses.replace(trained, datasets={names[old]: trained.datasets[old] for old in names})
    np.testing.assert_allclose(cls(**FAST).attribute(turned).influence[-1], influence[[2, 0, 1]], rtol=1e-12)


@pytest.mark.parametrize("cls", ALL)
def test_theta_0_is_left_alone_and_the_answer_is_the_same_twice(trained, cls):
    before = [value.clone() for value in trained.model.parameters()]
    method = cls(**FAST, dropout=True)
    first = method.attribute(trained).influence
    torch.manual_seed(99)
    np.testing.assert_array_equal(method.attribute(trained).influence, first)
    assert all(torch.equal(a, b) for a, b in zip(before, trained.model.parameters(), strict=True))
    assert all(value.grad is None for value in trained.model.parameters())


@pytest.mark.parametrize("cls", [UnTracDescent, UnTracKL])
def test_without_weight_on_kept_text_it_is_untrac(trained, cls):
    plain = UnTrac(**FAST).attribute(trained).influence
    np.testing.assert_array_equal(cls(**FAST, retain_weight=0).attribute(trained).influence, plain)
    assert np.abs(cls(**FAST, retain_weight=1).attribute(trained).influence - plain).max() > 1e-6


@pytest.mark.parametrize("cls", [UnTracDescent, UnTracKL])
def test_kept_text_is_kept(learned, cls):
    """With SGD, whose steps add up: the general corpus's loss rises by less than half as much, Z_k's rises still."""
    how = {"optimizer": "sgd", "lr": 0.005, "batch_size": 6, "epochs": 20, "points": 1}
    plain = UnTrac(**how).attribute(learned).influence[-1]
    held = cls(**how, retain="b", retain_weight=5).attribute(learned).influence[-1]
    for row in (0, 2):
        assert plain[row, 1] > 0
        assert held[row, 1] < 0.5 * plain[row, 1]
        assert held[row, row] > 0.1 * plain[row, row]


def test_the_others_are_all_others_by_content(trained):
    a, b, c = trained.datasets.values()
    kept = unlearning_losses.retained(trained, "a", "others")
    rows = {tuple(row) for row in kept.tokens.tolist()}
    assert rows == {tuple(row) for row in torch.cat([b.tokens, c.tokens]).tolist()}
    turned = dataclasses.replace(trained, datasets={"z": c, "a": a, "y": b})
    assert torch.equal(unlearning_losses.retained(turned, "a", "others").tokens, kept.tokens)


def test_others_of_other_lengths_are_padded(trained):
    short = Examples.whole(trained.datasets["c"].tokens[:, :5])
    mixed = dataclasses.replace(trained, datasets={**trained.datasets, "c": short})
    kept = unlearning_losses.retained(mixed, "a", "others")
    assert kept.tokens.shape == (12, 8)
    assert kept.count == mixed.datasets["b"].count + short.count
    joint = 6 * 7 * mean_loss(trained.model, trained.datasets["b"]) + 6 * 4 * mean_loss(trained.model, short)
    assert mean_loss(trained.model, kept) == pytest.approx(joint / (6 * 7 + 6 * 4))


def test_a_general_corpus_is_kept_except_from_its_own_row(trained):
    datasets = {**trained.datasets, "twin": trained.datasets["b"]}
    four = dataclasses.replace(trained, datasets=datasets)
    assert torch.equal(unlearning_losses.retained(four, "a", "b").tokens, datasets["b"].tokens)
    for name in ("b", "twin"):
        kept = unlearning_losses.retained(four, name, "b")
        assert torch.equal(kept.tokens, unlearning_losses.retained(four, name, "others").tokens)
        assert len(kept) == 18
    for cls in (UnTracDescent, UnTracKL):
        influence = cls(**FAST, retain="b").attribute(four).influence[-1]
        np.testing.assert_allclose(influence[1], influence[3], rtol=1e-12)
        others = cls(**FAST).attribute(four).influence[-1]
        np.testing.assert_array_equal(influence[1], others[1])
        assert np.abs(influence[0] - others[0]).max() > 1e-8


@pytest.mark.parametrize("cls", [UnTracDescent, UnTracKL])
def test_a_general_corpus_that_is_not_there_is_an_error(trained, cls):
    with pytest.raises(AttributionError, match=r"retain 'web' is no dataset of the mixture: name one of a, b, c, or"):
        cls(retain="web").attribute(trained)
    alone = dataclasses.replace(trained, datasets={"a": trained.datasets["a"]})
    with pytest.raises(AttributionError, match="no text to retain beside 'a'"):
        cls().attribute(alone)


@pytest.mark.parametrize("cls", [UnTrac, *ALL])
def test_every_unlearned_model_is_shown_once_in_evaluation_mode(trained, cls):
    seen = []

    def look(name, model):
        seen.append((name, model.training, trained.losses(trained.subsets, model)))

    method = cls(**FAST, dropout=True)
    influence = method.attribute(dataclasses.replace(trained, unlearned=look)).influence[-1]
    assert [name for name, _, _ in seen] == ["a", "b", "c"]
    assert not any(training for _, training, _ in seen)
    rise = torch.stack([losses for _, _, losses in seen]) - trained.losses(trained.subsets)
    np.testing.assert_array_equal(rise.numpy(), influence)
