"""Training throughput against a bare loop and transformers' Trainer, and the gradient pass against single backwards.

Ratios within one session mean something here, absolute times do not. Every contender sees the same model and batches.
"""

import time
from statistics import median

import numpy as np
import pytest
import torch
from transformers import Trainer, TrainerCallback, TrainingArguments

from lodo.methods.engine.gradients import gradient, products
from lodo.tasks.architectures.opt import Opt
from lodo.tasks.likelihood import Examples
from lodo.tasks.replay import Replay
from lodo.tasks.slots import Pool, base_slots
from lodo.tasks.spec import Recipe, Runtime
from lodo.tasks.trained import TrainedModel
from lodo.tasks.training import train

SPEC = Opt(width=128, layers=2, heads=4, feedforward=512, positions=128)
RECIPE = Recipe(steps=100, batch_size=16, sequence_length=64, lr=1e-3, schedule="linear", checkpoints=1)
VOCABULARY = 2048
POOLS = [np.random.default_rng(i).integers(3, VOCABULARY, (800, 64)).astype(np.int32) for i in range(2)]
WHOLE = [Examples.whole(torch.from_numpy(pool)) for pool in POOLS]
SLOTS = base_slots([Pool("a", 800, 800), Pool("b", 800, 800)], seed=0)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def rows():
    stock = torch.from_numpy(np.concatenate(POOLS).astype(np.int64))
    return stock[torch.from_numpy(SLOTS.dataset * 800 + SLOTS.example)]


def lodo_loop(folder):
    for path in folder.iterdir():
        path.unlink()
    replay = Replay.of(SPEC, RECIPE, VOCABULARY, WHOLE, SLOTS, 0)
    return train(replay, folder, Runtime(), keep="last").losses[-1]


def bare_loop():
    model = SPEC.build(VOCABULARY, 0).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RECIPE.lr, weight_decay=0.0, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / RECIPE.steps)
    data = rows()
    for step in range(RECIPE.steps):
        batch = data[step * 16 : (step + 1) * 16]
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return loss.item()


def trainer(folder):
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=RECIPE.steps,
        per_device_train_batch_size=16,
        learning_rate=RECIPE.lr,
        lr_scheduler_type="linear",
        weight_decay=0.0,
        max_grad_norm=1.0,
        optim="adamw_torch_fused",
        use_cpu=True,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        logging_strategy="no",
        dataloader_pin_memory=False,
    )
    data = [{"input_ids": row, "labels": row} for row in rows()]

    class InOrder(Trainer):
        def _get_train_sampler(self, *args):
            return torch.utils.data.SequentialSampler(data)

    seen = []

    class Last(TrainerCallback):
        def on_train_end(self, args, state, control, **kwargs):
            seen.append(state.global_step)

    runner = InOrder(SPEC.build(VOCABULARY, 0), arguments, train_dataset=data, callbacks=[Last()])
    runner.train()
    assert seen == [RECIPE.steps]


def paired(benchmark, capsys, name, ours, theirs, rounds=5):
    """Benchmark ``ours``, running ``theirs`` before every round, and print the median ratio of the pairs.

    In turn, because a shared machine's speed drifts by more than the difference that is looked for.
    """
    other = []

    def before():
        begun = time.perf_counter()
        theirs()
        other.append(time.perf_counter() - begun)

    benchmark.pedantic(ours, setup=before, rounds=rounds, warmup_rounds=1)
    ratios = [mine / its for mine, its in zip(benchmark.stats.stats.data, other[-rounds:], strict=True)]
    benchmark.extra_info[f"time, lodo / {name}"] = round(median(ratios), 3)
    with capsys.disabled():
        print(f"\ntime, lodo / {name}: {median(ratios):.3f} (pairs: {', '.join(f'{ratio:.2f}' for ratio in ratios)})")


@pytest.mark.benchmark(group="training: 100 steps of 16 x 64 tokens, d=128")
@pytest.mark.parametrize("contender", ["bare loop", "transformers Trainer"])
def test_training_throughput(benchmark, capsys, tmp_path, contender):
    (tmp_path / "ours").mkdir()
    theirs = {"bare loop": bare_loop, "transformers Trainer": lambda: trainer(tmp_path / "theirs")}[contender]
    paired(benchmark, capsys, contender, lambda: lodo_loop(tmp_path / "ours"), theirs)
    benchmark.extra_info["tokens per second"] = round(100 * 16 * 64 / benchmark.stats.stats.median)


def trained(datasets, subsets):
    def examples(count):
        return {str(index): Examples.whole(rows()[index * 16 : index * 16 + 16]) for index in range(count)}

    model = SPEC.build(VOCABULARY, 0).eval()
    return TrainedModel(model, examples(datasets), examples(subsets), (), {}, RECIPE, 0)


@pytest.mark.benchmark(group="K = 8, S = 4: dot products of gradients")
def test_gradient_pass(benchmark, capsys):
    subject = trained(8, 4)

    def pairs():
        for examples in subject.datasets.values():
            for subset in subject.subsets.values():
                torch.dot(gradient(subject.model, examples), gradient(subject.model, subset))

    paired(benchmark, capsys, "2 K S single backwards", lambda: products(subject.model, subject), pairs)
