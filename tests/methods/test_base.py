"""What a method must answer: labels, shape and numbers as agreed, or a sentence that says what is not."""

import dataclasses

import numpy as np
import pytest
import torch

from lodo.methods.base import Attribution, AttributionError, AttributionMethod, register
from lodo.tasks.errors import InputError


def answer(trained, **changes):
    return dataclasses.replace(Attribution.of(trained, np.arange(6.0).reshape(3, 2)), **changes)


def test_a_right_answer_passes_with_steps_and_without(trained):
    plain = answer(trained)
    assert plain.checked(trained) is plain
    assert (plain.datasets, plain.subsets) == (("a", "b", "c"), ("x", "y"))
    steps = Attribution.of(trained, torch.ones(4, 3, 2, requires_grad=True), (1, 2, 3, 4))
    assert steps.checked(trained).influence.dtype == np.float64


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"datasets": ("b", "a", "c")}, "wrong labels"),
        ({"subsets": ("y", "x")}, "wrong labels"),
        ({"influence": np.ones((2, 3))}, r"wrong shape: influence is \(2, 3\), the task wants \(3, 2\)"),
        ({"influence": np.ones((4, 3, 2))}, r"wrong shape"),
        ({"steps": (1, 2)}, r"the task wants \(2, 3, 2\)"),
        ({"influence": np.array([[1.0, 2], [np.nan, 4], [np.inf, 6]])}, "2 of 6 influences are not finite"),
    ],
)
def test_a_wrong_answer_is_refused_in_a_sentence(trained, changes, sentence):
    with pytest.raises(AttributionError, match=sentence):
        answer(trained, **changes).checked(trained)


def test_only_a_frozen_dataclass_is_registered():
    with pytest.raises(InputError, match="method 'loose': class Loose is not a frozen dataclass"):

        @register("loose")
        @dataclasses.dataclass
        class Loose(AttributionMethod):
            pass
