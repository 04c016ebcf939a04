"""Every architecture: its loss against transformers' own, its idle weights, its layers; models from folders."""

import pytest
import torch
from pydantic import TypeAdapter

from lodo.tasks.architecture import ARCHITECTURES, ModelSpec
from lodo.tasks.architectures.causal import Causal
from lodo.tasks.architectures.opt import Opt
from lodo.tasks.architectures.seq2seq import Seq2Seq
from lodo.tasks.architectures.t5 import T5
from lodo.tasks.likelihood import (
    PAD,
    Examples,
    last_states,
    log_probs,
    mean_loss,
    predict,
    token_losses,
    transformers_rows,
)
from lodo.tasks.spec import FOR_A_KEY, TokenizerSpec, digest

VOCABULARY = 290
DECODERS, ENCODED = ("gpt2", "gpt_neox", "llama"), ("t5", "bart")


@pytest.fixture(params=["opt", *DECODERS, "t5 from scratch", *ENCODED])
def architecture(request, pretrained):
    if request.param == "opt":
        return Opt(width=16, layers=2, heads=2, feedforward=32, positions=24)
    if request.param == "t5 from scratch":
        return T5(width=16, layers=2, heads=2, feedforward=32, positions=24)
    kind = Seq2Seq if request.param in ENCODED else Causal
    return kind(model=str(pretrained(request.param)), positions=24).resolved()


def ragged(architecture, seed=0):
    """Five rows of different lengths, some with unscored beginnings, and for an encoder prompts of other lengths."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(3, VOCABULARY, (5, 9), generator=generator)
    scored = torch.zeros_like(tokens, dtype=torch.bool)
    for row, (start, end) in enumerate([(1, 9), (1, 5), (4, 8), (8, 9), (1, 2)]):
        scored[row, start:end] = True
        tokens[row, end:] = PAD
    if not architecture.encoder_decoder:
        return Examples(tokens, scored)
    inputs = torch.randint(3, VOCABULARY, (5, 7), generator=generator)
    read = torch.arange(7) < torch.tensor([7, 3, 5, 1, 6])[:, None]
    return Examples(tokens, scored, inputs.masked_fill(~read, PAD), read)


def one_by_one(model, examples):
    """Transformers' own loss of each example alone, without padding, summed over its scored tokens."""
    losses = []
    for row in range(len(examples)):
        one = examples[row : row + 1]
        length = int(one.scored[0].nonzero().max()) + 1
        tokens, labels = one.tokens[:, :length], one.tokens.masked_fill(~one.scored, -100)[:, :length]
        if one.inputs is None:
            loss = model(input_ids=tokens, labels=labels).loss
        else:
            read = one.inputs[:, : int(one.read.sum())]
            loss = model(input_ids=read, decoder_input_ids=tokens[:, :-1], labels=labels[:, 1:]).loss
        losses.append(float(loss) * int(one.scored.sum()))
    return losses


def test_the_loss_is_transformers_own_example_by_example(architecture):
    model = architecture.build(VOCABULARY, seed=1, precision="float64").eval()
    examples = ragged(architecture)
    wanted = one_by_one(model, examples)
    # transformers computes its loss in float32 whatever the model.
    assert float(token_losses(model, examples)) == pytest.approx(sum(wanted), rel=1e-5)
    each = -log_probs(model, predict(model, examples)).sum(1)
    assert each.tolist() == pytest.approx(wanted, rel=1e-4)
    assert mean_loss(model, examples, 2) == pytest.approx(mean_loss(model, examples, 5), rel=1e-9)


def test_padding_and_what_an_encoder_does_not_read_change_nothing(architecture):
    model = architecture.build(VOCABULARY, seed=1, precision="float64").eval()
    examples = ragged(architecture)
    beyond = torch.arange(9) >= examples.lengths[:, None]
    noise = torch.randint(3, VOCABULARY, examples.tokens.shape)
    parts = {**examples.named, "tokens": torch.where(beyond, noise, examples.tokens)}
    if examples.inputs is not None:
        parts["inputs"] = torch.where(examples.read, examples.inputs, noise[:, :7])
    assert float(token_losses(model, Examples(**parts))) == pytest.approx(float(token_losses(model, examples)))


def test_a_label_off_by_one_would_be_seen(architecture):
    model = architecture.build(VOCABULARY, seed=1, precision="float64").eval()
    examples = ragged(architecture)
    shifted = Examples(**{**examples.named, "scored": examples.scored.roll(1, dims=1)})
    assert abs(float(token_losses(model, shifted) - token_losses(model, examples))) > 1e-3


def test_idle_weights_have_no_gradient_but_rounding_and_others_have(architecture):
    model = architecture.build(VOCABULARY, seed=1, precision="float64").train()
    with torch.no_grad():  # biases begin at zero
        for value in model.parameters():
            value.add_(torch.randn(value.shape, generator=torch.Generator().manual_seed(0)).to(value) * 0.1)
    token_losses(model, ragged(architecture)).backward()
    masks = architecture.idle(model)
    for name, value in model.named_parameters():
        if name in masks:
            assert masks[name].shape == value.shape
            assert float(value.grad[masks[name]].abs().max()) < 1e-12, name
        if name.endswith("bias") and "key" not in name and "k_proj" not in name:
            kept = ~masks.get(name, torch.zeros_like(value, dtype=torch.bool))
            assert float(value.grad[kept].abs().max()) > 1e-8, name


def test_hidden_states_and_layers_are_found(architecture):
    model = architecture.build(VOCABULARY, seed=1).eval()
    examples = ragged(architecture)
    assert last_states(model, examples).shape[:2] == examples.tokens.shape
    layers = architecture.linear_layers(model)
    fused = "Conv1D" in {type(module).__name__ for module in model.modules()}
    assert bool(layers) != fused
    assert set(architecture.feed_forward(layers)) < set(layers) or fused
    assert bool(architecture.feed_forward(layers)) != fused


def test_a_seed_decides_random_weights_and_no_pretrained_ones(architecture):
    first, second = (next(architecture.build(VOCABULARY, seed).parameters()) for seed in (1, 2))
    assert torch.equal(first, second) == hasattr(architecture, "fingerprint")


def test_a_specification_comes_back_as_its_own_kind(architecture):
    adapter = TypeAdapter(ModelSpec)
    assert adapter.validate_json(adapter.dump_json(architecture)) == architecture
    assert ARCHITECTURES.get(architecture.kind) is type(architecture)


@pytest.mark.parametrize("kind", [*DECODERS, *ENCODED])
def test_a_pretrained_model_brings_its_own_tokenizer(kind, pretrained):
    model = (Seq2Seq if kind in ENCODED else Causal)(model=str(pretrained(kind)), positions=24).resolved()
    vocabulary = model.vocabulary([], TokenizerSpec(vocabulary=999))
    assert vocabulary.tokenizer.decode(vocabulary.encode(["the cat sat"])[0]) == "the cat sat"
    assert vocabulary.begin == {"t5": 0, "bart": 2}.get(kind, 1)
    assert vocabulary.end == 1


def test_dropout_is_the_recipes_throughout(pretrained):
    for kind, cls in (("gpt2", Causal), ("bart", Seq2Seq)):
        for share in (0.0, 0.3):
            built = cls(model=str(pretrained(kind)), positions=24, dropout=share).resolved().build(VOCABULARY, 0)
            assert {module.p for module in built.modules() if isinstance(module, torch.nn.Dropout)} <= {share}
            examples = ragged(cls(model="x", positions=24))
            built.train()
            first, second = (float(token_losses(built, examples)) for _ in range(2))
            assert (first == second) == (share == 0)


def test_rows_that_no_token_uses_are_counted_and_learn_only_that_they_never_come():
    plain, whole = (Opt(width=16, heads=2, feedforward=32, positions=24, rows=rows) for rows in (0, 320))
    assert whole.rough_parameters(VOCABULARY) - plain.rough_parameters(VOCABULARY) == (320 - VOCABULARY) * 16
    assert whole.rough_parameters(400) == plain.rough_parameters(400)
    model, examples = whole.build(VOCABULARY, 0), ragged(whole)
    assert predict(model, examples).logits.shape[-1] == 320
    token_losses(model, examples).backward()
    unused = model.get_input_embeddings().weight.grad[VOCABULARY:]
    assert unused.abs().amax(1).min() > 0, "the softmax counts them"
    # Of a token that never comes every place has the chance alone as its derivative by the logit.
    predictions = predict(model, examples)
    chances = predictions.counted.softmax(-1)[:, VOCABULARY:]
    states = last_states(model, examples)[predictions.mask]
    torch.testing.assert_close(unused, chances.T @ states)


def test_rows_are_in_a_key_only_where_they_are_set():
    plain = Opt(width=16, positions=24)
    assert "rows" not in plain.model_dump(mode="json", context=FOR_A_KEY)
    assert digest(plain.model_copy(update={"rows": 320})) != digest(plain)


def test_transformers_own_loop_reads_the_same_loss(architecture):
    model, examples = architecture.build(VOCABULARY, 0).eval(), ragged(architecture)
    rows = transformers_rows(examples)
    batch = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
    torch.testing.assert_close(model(**batch).loss, token_losses(model, examples) / examples.count)
