"""Every method on models of other architectures than OPT's: its contract, or the sentence that says why it cannot."""

import pytest

from lodo.benchmark.checks import CHECKS, check_method, checks_of
from lodo.benchmark.specimen import Specimens, specimen_of
from lodo.methods.base import METHODS, AttributionError
from lodo.methods.select import tuned_method

KINDS = ("gpt2", "gpt_neox", "llama", "t5", "bart")
# What a wrong seam would break first; all checks on all of them are `lodo check METHOD --model DIR`.
ASKED = ("labels shape and finite numbers", "order of datasets", "equal datasets equal influence")
# Their dense Hessian is of a few thousand weights, and these models have some ten thousand.
TOO_LARGE = ("hif-exact",)
# What cannot be, and why.
REASONS = {
    ("gpt2", "ekfac"): "no trainable linear layer",
    ("gpt2", "logra"): "no trainable linear layer",
}


@pytest.fixture(scope="module", params=KINDS)
def specimens(request, pretrained, tmp_path_factory):
    return request.param, Specimens(tmp_path_factory.mktemp("any"), specimen_of(str(pretrained(request.param))))


@pytest.mark.parametrize("name", [name for name in METHODS.names() if name not in TOO_LARGE])
def test_a_method_keeps_its_contract_or_says_why_it_cannot(name, specimens):
    kind, made = specimens
    missing = METHODS.get(name).missing()
    if missing:
        pytest.skip(f"{name} needs {', '.join(missing)}")
    method = tuned_method(name, "mini", {})
    if (kind, name) in REASONS:
        with pytest.raises(AttributionError, match=REASONS[kind, name]):
            method.attribute(made.tokens)
        return
    for check, run, _ in checks_of(METHODS.get(name)):
        if check in ASKED and run is not None:
            CHECKS[check](method, made)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["llama", "t5"])
@pytest.mark.parametrize("name", ["graddot", "untrac", "hidden-states"])
def test_all_checks_on_a_model_from_a_folder(name, kind, pretrained):
    outcomes = check_method(name, model=specimen_of(str(pretrained(kind))))
    assert {outcome.verdict for outcome in outcomes} <= {"passed", "exempt"}, outcomes


@pytest.mark.slow
def test_a_method_that_cannot_is_exempt_with_its_reason(pretrained):
    pytest.importorskip("kronfluence")
    outcomes = check_method("ekfac", model=specimen_of(str(pretrained("gpt2"))))
    assert {outcome.verdict for outcome in outcomes} == {"passed", "exempt"}
    assert "no trainable linear layer" in next(o.reason for o in outcomes if o.verdict == "exempt")
