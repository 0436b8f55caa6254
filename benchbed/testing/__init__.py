"""Conformance checks for the tests of plugin authors; benchbed checks its built-in plugins with them too.

One test of pytest for each claim::

    from benchbed.testing import optimizer_claims, parametrize_claims

    @parametrize_claims(optimizer_claims(my_optimizer))
    def test_my_optimizer_keeps(claim):
        claim()

`check_optimizer(my_optimizer)` checks all claims at once, as does `benchbed check mine.py` on the command line.
"""

from benchbed.testing.assertions import ConformanceError
from benchbed.testing.claims import Claim, parametrize_claims
from benchbed.testing.optimizers import OPTIMIZER_CHECKS, check_optimizer, optimizer_claims
from benchbed.testing.problems import PROBLEM_CHECKS, check_problem, problem_claims
from benchbed.testing.transforms import check_transform, transform_claims
from benchbed.testing.wrappers import check_wrapper, wrapper_claims

__all__ = [
    "OPTIMIZER_CHECKS", "PROBLEM_CHECKS", "Claim", "ConformanceError", "check_optimizer", "check_problem",
    "check_transform", "check_wrapper", "optimizer_claims", "parametrize_claims", "problem_claims",
    "transform_claims", "wrapper_claims",
]  # fmt: skip
