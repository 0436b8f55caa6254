"""State the contract that plugins implement, and nothing else.

Functions are batch-polymorphic: `theta: [..., dimension]` in, `[...]` out, indexed from the right. In the
engine the leading dimensions are `[seeds, settings]`; alone they are empty.
"""

from benchbed.interfaces.engines import Engine
from benchbed.interfaces.figure import Figure, Picture
from benchbed.interfaces.gradient import Gradient, NotServedError, as_gradient
from benchbed.interfaces.layout import Layout, rows
from benchbed.interfaces.optimizer import Hyperparameter, Optimizer, OptimizerFactory, Oracle
from benchbed.interfaces.problem import (
    START_IN_BASIN,
    Data,
    Metric,
    Problem,
    RegisteredMetric,
    target_ladder,
)
from benchbed.interfaces.ranges import LogUniform, OneMinusLogUniform, Uniform
from benchbed.interfaces.statuses import FINAL_STATUSES, LOST_STATUSES, MEASURED_STATUSES, TrialStatus

__all__ = [
    "FINAL_STATUSES",
    "LOST_STATUSES",
    "MEASURED_STATUSES",
    "START_IN_BASIN",
    "Data",
    "Engine",
    "Figure",
    "Gradient",
    "Hyperparameter",
    "Layout",
    "LogUniform",
    "Metric",
    "NotServedError",
    "OneMinusLogUniform",
    "Optimizer",
    "OptimizerFactory",
    "Oracle",
    "Picture",
    "Problem",
    "RegisteredMetric",
    "TrialStatus",
    "Uniform",
    "as_gradient",
    "rows",
    "target_ladder",
]
