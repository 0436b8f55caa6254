"""Conformance checks for the tests of plugin authors; benchbed checks its built-in plugins with them too.

from benchbed.testing import check_optimizer

def test_my_optimizer_conforms():
    check_optimizer(my_optimizer)
"""

from benchbed.testing.assertions import ConformanceError
from benchbed.testing.optimizers import OPTIMIZER_CHECKS, check_optimizer
from benchbed.testing.problems import PROBLEM_CHECKS, check_problem
from benchbed.testing.transforms import check_transform
from benchbed.testing.wrappers import check_wrapper

__all__ = [
    "OPTIMIZER_CHECKS", "PROBLEM_CHECKS", "ConformanceError", "check_optimizer", "check_problem",
    "check_transform", "check_wrapper",
]  # fmt: skip
