"""Plans: problems × optimizers × settings × seeds as batches of trials with stable keys; plain data without tensors."""

from benchbed.plan.model import BatchPlan, Pairing, Plan
from benchbed.plan.parts import EntrantPlan, ProblemPlan
from benchbed.plan.request import Request, check_imports, complete_request, read_suite
from benchbed.plan.resolve import make_plan
from benchbed.plan.selectors import format_selector, parse_selector
from benchbed.plan.shards import Shard, parse_shard
from benchbed.plan.stored import plan_faults

__all__ = [
    "BatchPlan", "EntrantPlan", "Pairing", "Plan", "ProblemPlan", "Request", "Shard", "check_imports",
    "complete_request", "format_selector", "make_plan", "parse_selector", "parse_shard", "plan_faults", "read_suite",
]  # fmt: skip
