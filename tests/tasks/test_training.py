"""A training: its step against a bare loop, its schedule, its resumption, its divergence."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lodo.tasks import training
from lodo.tasks.architectures.opt import Opt
from lodo.tasks.errors import TrainingDiverged
from lodo.tasks.likelihood import Examples
from lodo.tasks.replay import Replay
from lodo.tasks.slots import Pool, Slots, base_slots
from lodo.tasks.spec import Recipe, Runtime
from lodo.tasks.training import checkpoint_steps, train

SPEC = Opt(width=16, layers=1, heads=2, feedforward=32, positions=16, dropout=0.1)
RECIPE = Recipe(steps=12, batch_size=4, sequence_length=10, lr=1e-2, schedule="linear", warmup=3, checkpoints=3)
POOLS = [np.random.default_rng(index).integers(3, 50, (30, 10)).astype(np.int32) for index in range(2)]
WHOLE = [Examples.whole(torch.from_numpy(pool)) for pool in POOLS]
SLOTS = base_slots([Pool("a", 24, 30), Pool("b", 24, 30)], seed=0)


def run(folder, recipe=RECIPE, spec=SPEC, **options):
    folder.mkdir(exist_ok=True)
    return train(Replay.of(spec, recipe, 50, WHOLE, SLOTS, 0), folder, Runtime(), **options)


def test_equals_a_bare_loop_over_transformers_own_loss(tmp_path):
    spec = SPEC.model_copy(update={"dropout": 0.0})
    log = run(tmp_path, spec=spec)
    model = spec.build(50, 0).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1.0, weight_decay=0.0)
    stock = [torch.from_numpy(pool.astype(np.int64)) for pool in POOLS]
    for step in range(12):
        rows = range(step * 4, step * 4 + 4)
        batch = torch.stack([stock[SLOTS.dataset[row]][SLOTS.example[row]] for row in rows])
        for group in optimizer.param_groups:
            group["lr"] = RECIPE.learning_rate(step)
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        assert log.losses[step] == pytest.approx(float(loss), rel=1e-5)
    final = load_file(tmp_path / "step-12.safetensors")
    for name, value in model.named_parameters():
        if name.endswith("k_proj.bias"):
            continue  # its true gradient is zero (a constant in the softmax), so Adam follows rounding alone
        torch.testing.assert_close(final[f"model/{name}"], value.detach(), rtol=1e-4, atol=1e-6)


def test_killed_after_a_checkpoint_it_ends_as_if_undisturbed(tmp_path):
    run(tmp_path / "whole")
    run(tmp_path / "cut")
    shutil.copy(tmp_path / "whole" / "step-4.safetensors", tmp_path / "cut" / "step-4.safetensors")
    for step in (8, 12):
        (tmp_path / "cut" / f"step-{step}.safetensors").unlink()
    (tmp_path / "cut" / "step-8.safetensors").write_bytes(b"half a file")
    seen = []
    log = run(tmp_path / "cut", on_step=lambda done, total: seen.append(done))
    assert seen[0] == 8, "the first four steps are not done again"
    assert (tmp_path / "cut" / "step-12.safetensors").read_bytes() == (
        tmp_path / "whole" / "step-12.safetensors"
    ).read_bytes()
    assert log.steps == 12


def test_it_goes_on_from_the_last_checkpoint_there_is(tmp_path):
    run(tmp_path)
    (tmp_path / "step-12.safetensors").unlink()
    seen = []
    run(tmp_path, on_step=lambda done, total: seen.append(done))
    assert seen == [12]


def test_each_step_has_dropout_masks_of_its_own_and_the_same_ones_again():
    replay = Replay.of(SPEC, RECIPE, 50, WHOLE, SLOTS, 0)

    def draw(replay, step):
        replay.seed_dropout(step)
        return torch.rand(3).tolist()

    with torch.random.fork_rng(devices=[]):
        assert draw(replay, 1) == draw(replay, 1)
        assert draw(replay, 1) != draw(replay, 2)
        assert draw(replay, 1) != draw(Replay.of(SPEC, RECIPE, 50, WHOLE, SLOTS, 1), 1)


def test_counterfactuals_keep_final_weights_only(tmp_path):
    run(tmp_path, keep="last")
    assert [path.name for path in tmp_path.iterdir()] == ["step-12.safetensors"]
    assert all(key.startswith("model/") for key in load_file(tmp_path / "step-12.safetensors"))


def test_divergence_names_seed_and_step(tmp_path):
    with pytest.raises(TrainingDiverged, match=r"seed 0 diverged at step \d+ of 12"):
        run(tmp_path, RECIPE.model_copy(update={"lr": 1e30, "clip": None, "optimizer": "sgd"}))


def test_schedule_warms_up_and_ends_near_zero():
    rates = [RECIPE.learning_rate(step) for step in range(12)]
    assert rates[0] == pytest.approx(1e-2 / 3)
    assert max(rates) == pytest.approx(1e-2)
    assert rates[-1] == pytest.approx(1e-2 / 9)
    constant = RECIPE.model_copy(update={"schedule": "constant", "warmup": 0})
    assert {constant.learning_rate(step) for step in range(12)} == {1e-2}


def test_schedule_stretches_to_a_shorter_trainings_length():
    assert RECIPE.learning_rate(5, 6) == pytest.approx(1e-2 / 3)


def test_a_cosine_falls_by_half_halfway_and_to_nothing_at_the_end():
    cosine = RECIPE.model_copy(update={"schedule": "cosine", "warmup": 2, "steps": 12})
    rates = [cosine.learning_rate(step) for step in range(13)]
    assert rates[:3] == pytest.approx([0.5e-2, 1e-2, 1e-2])
    assert rates[7] == pytest.approx(0.5e-2)
    assert rates[2] - rates[3] < rates[6] - rates[7]
    assert rates[12] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("steps", [6, 12])
def test_a_training_takes_the_schedule_of_its_own_length(tmp_path, monkeypatch, steps):
    """Of 12 steps or, all examples of fewer datasets, of 6: warm-up as it is, then down to zero at its own end."""
    rates = []

    def noted(model, optimizer, batch, recipe, device):
        rates.append(optimizer.param_groups[0]["lr"])
        return plain(model, optimizer, batch, recipe, device)

    plain = training.training_step
    monkeypatch.setattr(training, "training_step", noted)
    slots = Slots(SLOTS.dataset[: 4 * steps], SLOTS.example[: 4 * steps], 0)
    train(Replay.of(SPEC, RECIPE, 50, WHOLE, slots, 0), tmp_path, Runtime())
    warm = [1e-2 / 3, 2e-2 / 3, 1e-2]
    decay = [1e-2 * (1 - (step - 3) / (steps - 3)) for step in range(3, steps)]
    assert rates == pytest.approx([*warm, *decay])
    assert (tmp_path / f"step-{steps}.safetensors").exists()


def test_checkpoints_are_even_and_include_the_end():
    assert checkpoint_steps(12, 3) == (4, 8, 12)
    assert checkpoint_steps(3, 10) == (1, 2, 3)


def on_meta(spec):
    """A model whose numbers cannot be read: on a graphics card reading one would wait for all that is computed."""
    model = spec.build(50, 0).to("meta").train()
    model.tie_weights()
    return model


def test_a_step_reads_no_number_and_mixes_no_devices():
    model = on_meta(SPEC)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    batch = Examples(*(part.to("meta") for part in WHOLE[0][:4].parts))
    for _ in range(2):
        loss = training.training_step(model, optimizer, batch, RECIPE, "meta")
        assert loss.device.type == "meta"


@pytest.mark.parametrize(("fused", "where"), [(True, "meta"), (None, "cpu")])
def test_a_resumed_fused_optimizer_counts_its_steps_where_its_weights_are(fused, where):
    model = on_meta(SPEC)
    (name, value), *_ = model.named_parameters()
    moment = f"optimizer/{name}"
    state = {f"{moment}/step": torch.tensor(3.0), f"{moment}/exp_avg": torch.zeros(value.shape)}
    optimizer = SimpleNamespace(state={}, defaults={"fused": fused})
    training._load_optimizer(model, optimizer, state)
    found = optimizer.state[value]
    assert found["step"].device.type == where
    assert found["exp_avg"].device.type == "meta"
