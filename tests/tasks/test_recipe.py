"""What a recipe says of its passes: parts of a batch, activations anew, adapters, Adafactor, half precision."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lodo.tasks.architectures.causal import Causal
from lodo.tasks.architectures.opt import Opt
from lodo.tasks.errors import InputError
from lodo.tasks.likelihood import Examples, mean_loss
from lodo.tasks.replay import Replay
from lodo.tasks.slots import Pool, base_slots
from lodo.tasks.spec import Recipe, Runtime
from lodo.tasks.starting import starting_model
from lodo.tasks.training import train

RECIPE = Recipe(steps=6, batch_size=4, sequence_length=10, lr=1e-2, schedule="linear", checkpoints=2)
SLOTS = base_slots([Pool("a", 12, 30), Pool("b", 12, 30)], seed=0)
MODEL = Opt(width=16, layers=1, heads=2, feedforward=32, positions=16, dropout=0.1)


def ragged(seed):
    """30 sequences of 4 to 10 tokens, their beginnings unscored."""
    draw = np.random.default_rng(seed)
    tokens = torch.from_numpy(draw.integers(3, 50, (30, 10)))
    lengths = torch.from_numpy(draw.integers(4, 11, 30))
    places = torch.arange(10)
    scored = (places < lengths[:, None]) & (places >= 2)
    return Examples(tokens.masked_fill(places >= lengths[:, None], 0), scored)


def trained(folder, model=MODEL, **changes):
    """The log, and the last checkpoint's tensors by name."""
    folder.mkdir()
    recipe = Recipe.model_validate({**RECIPE.model_dump(), **changes})
    log = train(Replay.of(model, recipe, 50, [ragged(0), ragged(1)], SLOTS, 0), folder, Runtime())
    return log, load_file(folder / "step-6.safetensors")


def close(one, other, tolerance):
    assert one.keys() == other.keys()
    for name, value in one.items():
        if "k_proj.bias" not in name:  # its gradient is rounding, which Adam follows
            torch.testing.assert_close(value, other[name], rtol=tolerance, atol=tolerance)


def test_parts_of_a_batch_add_up_to_its_token_mean(tmp_path):
    still = MODEL.model_copy(update={"dropout": 0.0})
    log, whole = trained(tmp_path / "whole", still, precision="float64")
    for parts in (2, 3, 4):
        other, pieces = trained(tmp_path / f"in {parts}", still, precision="float64", accumulate=parts)
        assert other.losses == pytest.approx(log.losses)
        close(pieces, whole, 1e-9)


def test_activations_computed_anew_give_the_same_training_dropout_included(tmp_path):
    log, kept = trained(tmp_path / "kept")
    again, anew = trained(tmp_path / "anew", recompute=True)
    assert again.losses == pytest.approx(log.losses, rel=1e-5)
    close(anew, kept, 1e-4)


def test_adafactor_keeps_less_than_a_moment_a_weight_and_learns(tmp_path):
    log, state = trained(tmp_path / "t", optimizer="adafactor", lr=5e-2)
    assert log.losses[-1] < log.losses[0]
    weight = "model.decoder.layers.0.fc1.weight"
    assert {key.rpartition("/")[2] for key in state if key.startswith(f"optimizer/{weight}")} == {
        "step",
        "row_var",
        "col_var",
    }


def test_half_precision_passes_leave_weights_single(tmp_path):
    log, state = trained(tmp_path / "half", precision="bfloat16")
    single, _ = trained(tmp_path / "single")
    assert state["model/model.decoder.layers.0.fc1.weight"].dtype == torch.float32
    assert log.losses == pytest.approx(single.losses, rel=0.02)
    assert log.losses != single.losses


@pytest.fixture
def llama(pretrained):
    return Causal(model=str(pretrained("llama")), positions=16).resolved()


def test_adapters_alone_are_trained_and_stored(tmp_path, llama):
    pytest.importorskip("peft")
    log, state = trained(tmp_path / "lora", llama, lora="4")
    assert state
    assert all("lora_" in name for name in state)
    assert log.losses[-1] < log.losses[0]
    recipe = RECIPE.model_copy(update={"lora": Recipe.model_validate({**RECIPE.model_dump(), "lora": 4}).lora})
    model = starting_model(llama, recipe, 50, 0)
    names = {name for name, value in model.named_parameters() if value.requires_grad}
    assert {f"model/{name}" for name in names} == {name for name in state if name.startswith("model/")}
    # An adapter begins as nothing: its second matrix is zero.
    assert mean_loss(model.eval(), ragged(0)) == pytest.approx(mean_loss(llama.build(50, 0).eval(), ragged(0)))
    assert llama_layers(llama, model)


def llama_layers(llama, model):
    """The layers that methods see are the adapters' own."""
    layers = llama.linear_layers(model)
    return layers and all("lora_" in name for name in layers)


def test_an_adapters_weights_come_from_the_seed(llama):
    pytest.importorskip("peft")
    recipe = Recipe.model_validate({**RECIPE.model_dump(), "lora": {"rank": 2, "targets": ["q_proj"]}})

    def first(seed):
        model = starting_model(llama, recipe, 50, seed)
        return next(value for name, value in model.named_parameters() if "lora_A" in name)

    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))


def test_layers_that_are_not_there_get_no_adapter(llama):
    pytest.importorskip("peft")
    recipe = Recipe.model_validate({**RECIPE.model_dump(), "lora": {"rank": 2, "targets": ["nowhere"]}})
    with pytest.raises(InputError, match=r"recipe.lora: .*nowhere.*recipe.lora.targets"):
        starting_model(llama, recipe, 50, 0)
