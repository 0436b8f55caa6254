"""The suite of a plan, with the device that it names."""

import re
from typing import Any

import torch

from benchbed.errors import UsageError
from benchbed.plan.model import Plan
from benchbed.plan.request import Request
from benchbed.plan.selectors import format_selector, parse_selector


def suite_of(plan: Plan, request: Request) -> dict[str, Any]:
    """Return the suite that resolves to this plan."""
    suite: dict[str, Any] = {
        "name": plan.name,
        "preset": plan.preset,
        "problems": [problem.label for problem in plan.problems],
        "optimizers": [format_selector(*parse_selector(text)) for text in request.optimizers or ()],
        "tracks": list(plan.tracks),
        "checkpoints": plan.checkpoints,
        "seeds": plan.evaluation_seeds,
        "seed": plan.study_seed,
        "device": plan.device,
        "gradient": plan.gradient,
        "engine": plan.engine,
    }
    for name in ("steps", "dtype", "tolerance", "stop_when_solved"):
        if getattr(request, name) is not None:
            suite[name] = getattr(request, name)
    return suite


def resolve_device(name: str) -> str:
    """Return "cpu", "cuda" for all CUDA devices, or "cuda:1" for one.

    Raises: UsageError if the device is unknown or not available.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, index = name.partition(":")
    if not re.fullmatch(r"cpu|cuda(:[0-9]+)?", name):
        raise UsageError(f"unknown device {name!r}; choose auto, cpu, cuda or cuda:0")
    if kind == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"device {name!r} is not available: torch finds no CUDA device; use --device cpu")
    if index and int(index) >= torch.cuda.device_count():
        last = torch.cuda.device_count() - 1
        choice = "cuda" if last == 0 else f"cuda for all, or one of cuda:0 to cuda:{last}"
        raise UsageError(f"device {name!r} does not exist; choose {choice}")
    return name
