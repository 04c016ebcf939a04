"""Lets a method see a trained model, and measures what it answers, costs and forgets."""

import dataclasses
import random
import time
from dataclasses import dataclass

import numpy as np
import torch

from lodo.benchmark.kinds.training import KIND as TRAINING
from lodo.benchmark.loading import load_trained
from lodo.benchmark.measuring import ForgettingMeter, PeakMemory
from lodo.benchmark.reader import Reader
from lodo.benchmark.sharing import SharedPass
from lodo.benchmark.specifications import Cost, EstimateInputs, EstimateSpec, content_of
from lodo.methods.base import Attribution
from lodo.methods.select import build_method
from lodo.tasks.seeds import derive_seed
from lodo.tasks.spec import digest
from lodo.tasks.trained import TokenMeter


@dataclass(frozen=True)
class Estimate:
    """What came of a method's run; ``observer`` has what was forgotten, if the run was observed."""

    attribution: Attribution
    cost: Cost
    observer: ForgettingMeter


def seed_globals(*purpose: object) -> None:
    """Seed the generators that a method may draw from without asking for one, so that its answer is the job's alone."""
    seed = derive_seed("global generators", *purpose)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def attribute(spec: EstimateSpec, inputs: EstimateInputs, reader: Reader) -> Estimate:
    """Run a method as an estimate's specification says.

    Raises AttributionError where the answer is not as agreed, and whatever the method raises.
    """
    training = TRAINING.spec(inputs.training)
    trained = load_trained(
        reader.prepared(inputs.prepared), inputs.pools, training, reader.open(inputs.training), spec, inputs.test
    )
    assert trained.replay is not None
    training_tokens = trained.replay.tokens
    meter = TokenMeter(trained.model)
    shared = SharedPass(reader.store, spec.model_dump(mode="json"), meter, training_tokens, reader.memory)
    trained = dataclasses.replace(trained, shared=shared, remembered=shared.remembered, charge=meter.charge)
    observer = ForgettingMeter(trained, shared, inputs.observed)
    trained = dataclasses.replace(trained, unlearned=observer)
    method = build_method(inputs.locator, spec.hyperparameters)
    seed_globals(content_of(training), digest(spec.subsets), spec.run, spec.method, digest(spec.hyperparameters))
    with PeakMemory(training.runtime.device) as memory:
        begun = time.perf_counter()
        attribution = method.attribute(trained).checked(trained)
        seconds = time.perf_counter() - begun - observer.seconds + shared.reused.seconds
    cost = Cost(
        seconds=seconds,
        peak_rss=memory.bytes,
        tokens=meter.forward + meter.backward + shared.reused.tokens,
        training_equivalents=meter.trainings(training_tokens) + shared.reused.trainings,
    )
    return Estimate(attribution, cost, observer)
