"""Check that a plugin keeps the contract: for plugin authors' tests, and used on benchbed's own plugins.

from benchbed.testing import check_optimizer

def test_my_rule_conforms():
    check_optimizer(my_rule)
"""

from benchbed.testing.claims import ConformanceError
from benchbed.testing.optimizers import OPTIMIZER_CHECKS, check_optimizer
from benchbed.testing.problems import PROBLEM_CHECKS, check_problem

__all__ = ["OPTIMIZER_CHECKS", "PROBLEM_CHECKS", "ConformanceError", "check_optimizer", "check_problem"]
