"""First-order methods against dattri's, which shares no line with them: a dataset is one of its data points."""

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.func import functional_call

from lodo.methods.first_order import GradCos, GradDot, TracIn
from lodo.tasks.likelihood import Examples
from lodo.tasks.trained import Checkpoint
from lodo.tasks.training import parameter_state

tracin = pytest.importorskip("dattri.algorithm.tracin", reason="dattri is not installed")
task = pytest.importorskip("dattri.task")

pytestmark = pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
RATES = (0.3, 0.05)


@pytest.fixture
def states(trained, tmp_path):
    """The trained model in single precision with two checkpoints, the last one theta_0."""
    model, generator = trained.copy().float(), torch.Generator().manual_seed(5)
    other = trained.copy().float()
    with torch.no_grad():
        for value in other.parameters():
            value.add_(torch.randn(value.shape, generator=generator), alpha=0.05)
    checkpoints, idle = [], torch.optim.SGD(model.parameters(), lr=0.1)
    for step, (rate, state) in enumerate(zip(RATES, (other, model), strict=True), start=1):
        path = tmp_path / f"step-{step}.safetensors"
        save_file(parameter_state(state, idle), path)
        checkpoints.append(Checkpoint(step, rate, path))
    trained = dataclasses.replace(trained, model=model.eval(), checkpoints=tuple(checkpoints))
    return trained, [state.state_dict() for state in (other, model)]


def dattri_scores(trained, states, rates, normalised):
    """(K, S) of dattri's TracIn; every group is one point: its examples, one below the other."""
    model = trained.copy()

    def loss(params, group):
        tokens, scored = group
        logits = functional_call(model, params, kwargs={"input_ids": tokens}).logits[:, :-1]
        every = -logits.log_softmax(-1).gather(2, tokens[:, 1:, None])[..., 0]
        return (every * scored[:, 1:]).sum() / scored[:, 1:].sum()

    def points(groups):
        items = [(group.tokens, group.scored) for group in groups.values()]
        return torch.utils.data.DataLoader(items, batch_size=1)

    attributor = tracin.TracInAttributor(
        task.AttributionTask(loss_func=loss, model=model, checkpoints=list(states)),
        weight_list=torch.tensor(rates),
        normalized_grad=normalised,
    )
    attributor.projector_kwargs = None  # by default it projects at random
    return attributor.attribute(points(trained.datasets), points(trained.subsets)).double().numpy()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("method", "first", "rates", "normalised"),
    [(GradDot(), 1, (1.0,), False), (GradCos(), 1, (1.0,), True), (TracIn(), 0, RATES, False)],
    ids=["graddot", "gradcos", "tracin"],
)
def test_first_order_methods_are_dattris(states, method, first, rates, normalised, masked):
    trained, parameters = states
    if masked:
        x = trained.subsets["x"]
        scored = x.scored.clone()
        scored[0, 1:5] = scored[2, 3:] = False
        trained = dataclasses.replace(trained, subsets={**trained.subsets, "x": Examples(x.tokens, scored)})
    wanted = dattri_scores(trained, parameters[first:], rates, normalised)
    np.testing.assert_allclose(method.attribute(trained).influence, wanted, rtol=1e-4)
