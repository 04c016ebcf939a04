"""Gradients of a pass, in memory or in a file: the same bytes, one gradient at a time, nothing left behind."""

import dataclasses
import gc
import weakref

import pytest
import torch

from lodo.methods import AttributionError
from lodo.methods.engine import gradients, holding
from lodo.methods.engine.gradients import PLAIN, View, gradient, products
from lodo.tasks.memory import are_held


@pytest.fixture
def in_a_file(monkeypatch):
    monkeypatch.setattr(holding, "are_held", lambda wanted, free: False)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_file_gives_every_slice_of_every_row_back(in_a_file, dtype):
    rows = torch.randn(3, 50, generator=torch.Generator().manual_seed(0)).to(dtype)
    with holding.held(iter(rows), 3) as read:
        for where in (slice(0, 7), slice(7, 50), slice(49, 99), slice(0, 50)):
            assert torch.equal(read(where), rows[:, where])


@pytest.mark.parametrize("more", ["subsets", "datasets"])
def test_the_products_are_the_same_bytes_wherever_the_gradients_lie(trained, monkeypatch, more):
    monkeypatch.setattr(gradients, "BLOCK", 101)
    monkeypatch.setattr(gradients, "GROUP", 2)
    if more == "subsets":
        trained = dataclasses.replace(trained, datasets={"a": trained.datasets["a"]})
    views = (PLAIN, View("squares", lambda each, where: each**2, lambda each, where: each + where.start))

    def numbers():
        return products(trained.model, trained, views=views)

    in_memory = numbers()
    monkeypatch.setattr(holding, "are_held", lambda wanted, free: False)
    in_file = numbers()
    assert in_memory.keys() == in_file.keys()
    assert all(torch.equal(in_memory[name], in_file[name]) for name in in_memory)
    one, two = (gradient(trained.model, group) for group in (trained.datasets["a"], trained.subsets["y"]))
    torch.testing.assert_close(in_file["dot"][0, 1], one @ two)


class Made:
    """Rows made one after the other; ``most`` of them were there at once while another one was made."""

    def __init__(self, count):
        self.count, self.living, self.most = count, [], 0

    def __iter__(self):
        for number in range(self.count):
            gc.collect()
            self.most = max(self.most, sum(row() is not None for row in self.living))
            row = torch.full((10,), float(number))
            self.living.append(weakref.ref(row))
            yield row
            del row


@pytest.mark.parametrize("held", [True, False])
def test_a_row_is_gone_before_the_next_is_made(monkeypatch, held):
    monkeypatch.setattr(holding, "are_held", lambda wanted, free: held)
    made = Made(5)
    with holding.held(iter(made), 5) as read:
        assert read(slice(0, 1))[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert made.most == 0


def test_small_rows_are_held_in_memory_and_large_ones_are_not():
    assert are_held(8, 64)
    assert not are_held(9, 64)


def test_the_file_is_where_tmpdir_says_and_gone_afterwards(in_a_file, monkeypatch, tmp_path):
    monkeypatch.setattr(holding.tempfile, "tempdir", str(tmp_path))
    with holding.held(iter(torch.ones(2, 3)), 2) as read:
        assert read(slice(0, 3)).sum() == 6
    with pytest.raises(ValueError, match="closed"):
        read(slice(0, 3))
    assert not list(tmp_path.iterdir())


def test_no_room_in_the_folder_is_said_before_any_of_it_is_filled(in_a_file, monkeypatch, tmp_path):
    monkeypatch.setattr(holding.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(holding.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 23})())
    with (
        pytest.raises(AttributionError, match=r"2 gradients .* nor into .* set TMPDIR to a folder with more room"),
        holding.held(iter(torch.ones(2, 3)), 2),
    ):
        pass
