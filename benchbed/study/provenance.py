"""Provenance of a study in words, from its plan and the newest description of its environment."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import tomli_w

from benchbed.interfaces.results import Provenance
from benchbed.plan import Plan
from benchbed.store import StudyFolder
from benchbed.store.files import inside, read_regular_file

_MACHINE = {
    "benchbed": "benchbed",
    "python": "Python",
    "torch": "torch",
    "platform": "platform",
    "processor": "processor",
    "cpu_capability": "instructions",
    "device": "device",
    "jobs": "jobs",
    "executor": "executor",
}


def provenance_of(plan: Plan, folder: StudyFolder) -> Provenance:
    """Return the rules and the suite of a plan, and the machine and versions of its last run."""
    facts = {
        "preset": plan.preset,
        "protocol": plan.protocol,
        "seeds": f"{plan.describe_seeds()}, study seed {plan.study_seed}",
        "learning rates": f"{len(plan.rates)} from {min(plan.rates):g} to {max(plan.rates):g}"
        if plan.rates
        else "",
        "gradient": plan.gradient,
        "engine": plan.engine.value,
        "number types": ", ".join(dict.fromkeys(problem.dtype for problem in plan.problems)),
    }
    stored = sorted(inside(folder.path, "environments/file").parent.glob("*.json"))
    if stored:
        facts["last run"] = _time_of(stored[-1].name)
        try:
            environment = json.loads(read_regular_file(stored[-1]))
            facts |= _machine(environment)
        except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
            facts["machine"] = f"{stored[-1].name} cannot be read: {error}"
    facts = {label: text for label, text in facts.items() if text}
    return Provenance(plan.name, tomli_w.dumps(plan.suite), facts)


def _machine(environment: Mapping[str, Any]) -> dict[str, str]:
    facts = {label: str(environment[name]) for name, label in _MACHINE.items() if name in environment}
    versions = environment.get("dependencies", {})
    facts["libraries"] = ", ".join(f"{name} {version}" for name, version in versions.items())
    plugins = [
        f"{plugin['name']} ({plugin['distribution']} {plugin['version']})"
        for plugin in environment["plugins"]
    ]
    facts["plugins"] = ", ".join(plugins)
    return facts


def _time_of(name: str) -> str:
    """Return the time in the name of a description of an environment."""
    try:
        return datetime.strptime(name.partition(".")[0], "%Y%m%dT%H%M%S").strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return name
