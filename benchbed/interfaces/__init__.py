"""The contract that plugins implement.

Functions are batch-polymorphic: they take `theta: [..., dimension]`, return `[...]`, and index dimensions from the
right. In the engine the leading dimensions are `[seeds, settings]`; for a single point there are none.
"""

from benchbed.interfaces.execution import Engine, ExecutorFactory
from benchbed.interfaces.figure import Figure, Picture
from benchbed.interfaces.functions import FunctionProblem
from benchbed.interfaces.gradient import Gradient, NotServedError, as_gradient
from benchbed.interfaces.layout import Layout, take_samples
from benchbed.interfaces.modules import ModuleProblem
from benchbed.interfaces.notes import (
    Exclusion,
    GridExtended,
    MetricNotMeasured,
    NoScoreBecause,
    Note,
    RowNote,
    SkippedBecause,
    TargetsNotScored,
)
from benchbed.interfaces.optimizer import Hyperparameter, Optimizer, OptimizerFactory, Oracle, Wrapper
from benchbed.interfaces.problem import (
    START_IN_BASIN,
    BufferedData,
    Data,
    Metric,
    Problem,
    RegisteredMetric,
    target_ladder,
)
from benchbed.interfaces.ranges import Choice, LogUniform, OneMinusLogUniform, Uniform
from benchbed.interfaces.results import ALL_PROBLEMS, ProblemFacts, Report, Results, Surface
from benchbed.interfaces.statuses import FINAL_STATUSES, LOST_STATUSES, MEASURED_STATUSES, TrialStatus
from benchbed.interfaces.torch_blocks import torch_optimizer
from benchbed.interfaces.transforms import Transform, TransformedData, TransformedProblem

__all__ = [
    "ALL_PROBLEMS", "FINAL_STATUSES", "LOST_STATUSES", "MEASURED_STATUSES", "START_IN_BASIN", "BufferedData", "Choice",
    "Data", "Engine", "Exclusion", "ExecutorFactory", "Figure", "FunctionProblem", "Gradient", "GridExtended",
    "Hyperparameter", "Layout", "LogUniform", "Metric", "MetricNotMeasured", "ModuleProblem", "NoScoreBecause",
    "NotServedError", "Note", "OneMinusLogUniform", "Optimizer", "OptimizerFactory", "Oracle", "Picture", "Problem",
    "ProblemFacts", "RegisteredMetric", "Report", "Results", "RowNote", "SkippedBecause", "Surface",
    "TargetsNotScored", "Transform", "TransformedData", "TransformedProblem", "TrialStatus", "Uniform", "Wrapper",
    "as_gradient", "take_samples", "target_ladder", "torch_optimizer",
]  # fmt: skip
