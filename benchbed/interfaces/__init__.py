"""State the contract that plugins implement, and nothing else.

Functions are batch-polymorphic: `theta: [..., dimension]` in, `[...]` out, indexed from the right. In the
engine the leading dimensions are `[seeds, settings]`; alone they are empty.
"""

from benchbed.interfaces.layout import Layout, rows
from benchbed.interfaces.optimizer import Hyperparameter, Optimizer, OptimizerFactory, Oracle
from benchbed.interfaces.problem import (
    START_IN_BASIN,
    Data,
    Gradient,
    Metric,
    Problem,
    RegisteredMetric,
    target_ladder,
)
from benchbed.interfaces.ranges import LogUniform, OneMinusLogUniform, Uniform

__all__ = [
    "START_IN_BASIN",
    "Data",
    "Gradient",
    "Hyperparameter",
    "Layout",
    "LogUniform",
    "Metric",
    "OneMinusLogUniform",
    "Optimizer",
    "OptimizerFactory",
    "Oracle",
    "Problem",
    "RegisteredMetric",
    "Uniform",
    "rows",
    "target_ladder",
]
