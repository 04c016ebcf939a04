"""What methods say of the memory they take: by hand, by what they depend on, and against what they really took."""

import dataclasses
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lodo.benchmark.footprint import PASS as FOOTPRINT_PASS
from lodo.benchmark.sharing import Memory
from lodo.methods.base import METHODS, AttributionMethod
from lodo.methods.engine import gradients
from lodo.methods.extent import PASSING, Extent
from lodo.tasks.likelihood import PASS

LARGE = Extent(
    weights=10**8, datasets=8, subsets=13, shown=64, steps=100, optimizer="adamw", width=768, layers=12, free=2**34
)
# Of so few weights that the harness remembers all and all gradients are held.
SMALL = dataclasses.replace(LARGE, weights=10**5)
OWN = [name for name in METHODS.names() if METHODS.get(name).__module__.startswith("lodo.methods.")]


def vectors(name, extent, **values):
    return METHODS.get(name)(**values).peak_vectors(extent)


def test_every_method_of_lodo_says_what_it_takes():
    assert not [name for name in OWN if vectors(name, SMALL) is None]
    assert AttributionMethod().peak_vectors(SMALL) is None


def test_every_method_that_holds_gradients_says_what_to_do_where_they_do_not_fit():
    # The gradient pass holds what does not fit in a file.
    many = {name for name in OWN if vectors(name, LARGE) > 20}
    assert many >= {"hif-lissa", "hif-cg", "hif-arnoldi", "hif-exact", "magic", "datainf"}
    assert not [name for name in many if not METHODS.get(name).lighter]


def test_the_gradient_pass_by_hand():
    # A model, three of moments, eight held, four that pass, two while one is made, 21 remembered.
    assert vectors("graddot", SMALL) == 1 + 3 + 8 + 4 + 2 + 21
    assert vectors("less", dataclasses.replace(SMALL, optimizer="sgd")) == 1 + 8 + 4 + 2 + 21
    assert vectors("tracin", dataclasses.replace(SMALL, subsets=3)) == 1 + 3 + 3 + 4 + 2 + 11


def test_what_lies_in_a_file_or_is_not_remembered_is_not_counted():
    # An eighth of 16 GiB has no room for eight of 0.37 GiB each; 2 GiB have room for five.
    assert vectors("graddot", LARGE) == 1 + 3 + 4 + 2 + 5


def test_influence_functions_by_hand():
    assert vectors("hif-cg", SMALL, iterations=5) == 2 + 2 + 8 * (8 + 5 + 2) + 21
    assert vectors("hif-cg", SMALL, iterations=5, reorthogonalise=False) == 2 + 2 + 8 * 8 + 21
    assert vectors("hif-lissa", SMALL, side="subsets") == 2 + 2 + 13 * 6 + 21
    assert vectors("hif-arnoldi", SMALL, steps=50) == 2 + 2 + 50 + 6 + 21
    assert vectors("hif-exact", SMALL) > 6 * SMALL.weights


def test_unlearning_by_hand():
    assert vectors("untrac", SMALL, points=3, optimizer="adam") == 2 + 2 + 2 * 3 + 7 * 3
    assert vectors("untrac-inv", SMALL, points=1, optimizer="adafactor") == 2 + 0 + 2 + 12


def test_magic_by_hand():
    assert vectors("magic", SMALL) == 8 * (3 + 3) + 2 * 3 + 6
    assert vectors("magic", SMALL, double=True) == 2 * vectors("magic", SMALL)
    assert vectors("magic", SMALL, mode="reverse") == 13 * (3 + 4) + 10 * (2 * 3 + 2) + 2 * 3 + 6
    assert vectors("magic", dataclasses.replace(SMALL, subsets=1)) == 1 * 7 + 10 * 8 + 12


def test_examples_gradients_count_as_far_as_they_are_shown():
    more = vectors("datainf", SMALL, examples=32) - vectors("datainf", SMALL, examples=16)
    assert more == 3 * 16
    assert vectors("datainf", SMALL, examples=256) == vectors("datainf", SMALL, examples=64)


def test_what_is_assumed_of_the_harness_and_the_engine_is_so():
    assert inspect.signature(Memory).parameters["limit"].default == SMALL.kept
    assert gradients.GROUP == PASSING
    assert FOOTPRINT_PASS == PASS


@pytest.mark.slow
def test_the_estimates_are_what_was_measured_within_a_factor_of_two():
    """On a model whose vectors are far larger than anything else, in a process whose memory goes back at once."""
    program = Path(__file__).with_name("measured_peaks.py")
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"}
    process = subprocess.run([sys.executable, program], capture_output=True, text=True, env=environment)
    assert process.returncode == 0, process.stderr
    for what, measured, estimated in json.loads(process.stdout.splitlines()[-1]):
        assert measured / 2 < estimated < 2 * measured, what
