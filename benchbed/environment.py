"""Description of the environment of a study: versions, plugins and machine (protocol, rule 12)."""

import os
import platform
import sys
from importlib import metadata
from typing import Any

import msgspec
import torch

from benchbed.catalog.lookup import Catalog
from benchbed.plan import Plan

KERNEL_CHOICE = ("ATEN_CPU_CAPABILITY", "MKL_CBWR")
"""Environment variables that choose kernels of torch, and so the last bit of results."""


def describe_environment(
    plan: Plan, catalog: Catalog, jobs: int, executor: str, usable_cores: int | None = None
) -> dict[str, Any]:
    """Return a description of one invocation in plain JSON types."""
    origins = {
        **{f"problem {problem.name}": problem.origin for problem in plan.problems},
        **{f"optimizer {entrant.name}": entrant.origin for entrant in plan.entrants},
        f"gradient {plan.gradient}": plan.gradient_origin,
        **{f"metric {name}": origin for name, origin in plan.metrics.items()},
    }
    return {
        "benchbed": metadata.version("benchbed"),
        "protocol": plan.protocol,
        "python": sys.version,
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "kernel_choice": {name: os.environ.get(name) for name in KERNEL_CHOICE},
        "cores": os.cpu_count(),
        "usable_cores": usable_cores,
        "torch": torch.__version__,
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "device": _describe_device(plan.device),
        "jobs": jobs,
        "threads": 1,
        "executor": executor,
        "dependencies": {name: metadata.version(name) for name in ("numpy", "scipy", "pandas", "pyarrow")},
        "plugins": [
            {name: getattr(plugin, name) for name in ("name", "distribution", "version", "status")}
            for plugin in catalog.plugins
        ],
        "sources": {
            name: {"digest": origin.digest, **msgspec.to_builtins(origin)} for name, origin in origins.items()
        },
    }


def _describe_device(device: str) -> str:
    """Return the device of a plan with the models of its CUDA devices: "cuda (NVIDIA H200)"."""
    kind, _, number = device.partition(":")
    if kind == "cpu":
        return device
    numbers = [int(number)] if number else range(torch.cuda.device_count())
    models = dict.fromkeys(torch.cuda.get_device_name(each) for each in numbers)
    return f"{device} ({', '.join(models)})"
