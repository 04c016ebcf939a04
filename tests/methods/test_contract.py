"""Every registered method keeps the contract: the checks of `lodo check`, one test for each method and check."""

from lodo.benchmark import parametrize_with_checks
from lodo.methods.base import METHODS


@parametrize_with_checks(METHODS.names())
def test_a_method_keeps_the_contract(check):
    check()
