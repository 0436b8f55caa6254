"""An edit of a file or version that numbers depend on runs exactly the trials again that depend on it."""

import json
import math
import os

import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow

RULE = """
from typing import NamedTuple

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer

{imports}


class Nothing(NamedTuple):
    pass


def {name}():
    def update(oracle, state, theta):
        {late}
        return theta - 0.1 * {factor} * oracle.gradient, state

    return Optimizer(init=lambda theta: Nothing(), update=update)


@hookimpl
def register_optimizers(register):
    register({registered})
"""
PROBLEM = """
from dataclasses import dataclass

from benchbed.hookspecs import hookimpl
from lab.bases import Bowl


@dataclass(frozen=True)
class LabBowl(Bowl):
    pass


@hookimpl
def register_problems(register):
    register(LabBowl)
"""
BOWL = """
import torch

from benchbed.interfaces import Layout, Problem

CURVATURE = 1.0


class Bowl(Problem):
    @property
    def layout(self):
        return Layout({"theta": (2,)})

    def make_start(self, generator):
        return torch.ones(2, dtype=torch.float64)

    def objective(self, theta, data):
        return CURVATURE * theta.square().sum(dim=-1) / 2

    def optimum(self, data):
        return torch.zeros((), dtype=torch.float64)
"""
METRIC = """
from benchbed.hookspecs import hookimpl
from lab.lengths import length


@hookimpl
def register_metrics(register):
    register(length)
"""
LENGTH = "def length(problem, theta, data):\n    return 1.0 * theta.abs().sum(dim=-1)\n"


def rule(name, imports="", factor="1.0", late="pass", registered=None):
    return RULE.format(name=name, imports=imports, factor=factor, late=late, registered=registered or name)


FILES = {
    "plain.py": rule("plain"),
    "helper.py": rule("helper", "from lab.steps import FACTOR", "FACTOR"),
    "late.py": rule("late", late="from lab import late as module", factor="module.FACTOR"),
    "literal.py": rule(
        "literal",
        "import importlib",
        "module.FACTOR",
        late='module = importlib.import_module("lab.literal")',
    ),
    "computed.py": rule(
        "computed", 'import importlib\nmodule = importlib.import_module("lab." + "computed")', "module.FACTOR"
    ),
    "decorated.py": rule(
        "decorated", "from lab.decorators import doubled", registered='doubled(decorated), name="decorated"'
    ),
    "partial.py": rule(
        "partial",
        "import functools\nfrom lab.factories import build",
        registered='functools.partial(build, 1.0), name="partial"',
    ),
    "namespaced.py": rule("namespaced", "from space.inner import deep", "deep.FACTOR"),
    "table.py": rule("table", "from lab import table as module", "module.FACTOR"),
    "versioned.py": rule("versioned", "import tiny", "tiny.FACTOR"),
    "bowl.py": PROBLEM,
    "metric.py": METRIC,
    "lib/lab/__init__.py": "",
    "lib/lab/steps.py": "from lab.deeper import FACTOR\n",
    "lib/lab/deeper.py": "FACTOR = 1.0\n",
    "lib/lab/late.py": "FACTOR = 1.0\n",
    "lib/lab/literal.py": "FACTOR = 1.0\n",
    "lib/lab/computed.py": "FACTOR = 1.0\n",
    "lib/lab/table.py": """
from pathlib import Path

FACTOR = float((Path(__file__).parent / "data" / "factor.txt").read_text())
""",
    "lib/lab/data/factor.txt": "1.0\n",
    "lib/space/inner/deep.py": "FACTOR = 1.0\n",
    "lib/lab/unrelated.py": "FACTOR = 1.0\n",
    "lib/lab/decorators.py": """
import functools


def doubled(factory):
    @functools.wraps(factory)
    def wrapper():
        return factory()

    return wrapper
""",
    "lib/lab/factories.py": rule("inner")
    .replace("def inner():", "def build(factor):\n    return inner(factor)\n\n\ndef inner(factor):")
    .replace("0.1 * 1.0", "0.1 * factor"),
    "lib/lab/bases.py": BOWL,
    "lib/lab/lengths.py": LENGTH,
    "lib/tiny/__init__.py": "FACTOR = 1.0\n",
    "lib/tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
    "lib/tiny-1.0.dist-info/RECORD": "tiny/__init__.py,sha256=abc,10\ntiny-1.0.dist-info/METADATA,,\n",
}
"""Contents by path; files at the top are plugin files, and `lib` is on the import path."""

PLUGIN_FILES = [path for path in FILES if "/" not in path]
RULES = [
    "plain",
    "helper",
    "late",
    "literal",
    "computed",
    "decorated",
    "partial",
    "versioned",
    "namespaced",
    "table",
]

STEPS = 5
SMALL = [
    "--preset",
    "quick",
    "--steps",
    STEPS,
    "--seeds",
    "1",
    "--track",
    "default",
    "-j",
    "1",
    "--engine",
    "eager",
]


def pairs(optimizers, problems=("lab-bowl",)):
    """Return the trials of optimizers on problems as they are stored."""
    return sorted([problem, optimizer] for problem in problems for optimizer in optimizers)


TWO_OF_TWO = (("plain", "gd"), ("lab-bowl", "quadratic"))
ALL_OF_ONE = ((*RULES, "gd"), ("lab-bowl",))
EDITS = {
    "first": ({}, TWO_OF_TWO, pairs(*TWO_OF_TWO)),
    "base class": (
        {"lib/lab/bases.py": BOWL.replace("CURVATURE = 1.0", "CURVATURE = 2.0")},
        TWO_OF_TWO,
        pairs(["plain", "gd"]),
    ),
    "metric": ({"lib/lab/lengths.py": LENGTH.replace("1.0", "3.0")}, TWO_OF_TWO, pairs(*TWO_OF_TWO)),
    "none, but more rules": ({}, ALL_OF_ONE, pairs([name for name in RULES if name != "plain"])),
    "nothing that matters": (
        {"lib/lab/unrelated.py": "FACTOR = 2.0\n", "beside.py": "FACTOR = 2.0\n"},
        ALL_OF_ONE,
        [],
    ),
    # Several edits a run, each with trials of its own.
    "helper of a helper, a computed and a late import, a namespace package, and a decorator": (
        {
            "lib/lab/deeper.py": "FACTOR = 2.0\n",
            "lib/lab/computed.py": "FACTOR = 2.0\n",
            "lib/lab/late.py": "FACTOR = 2.0\n",
            "lib/space/inner/deep.py": "FACTOR = 2.0\n",
            "lib/lab/decorators.py": FILES["lib/lab/decorators.py"] + "# another decorator\n",
        },
        ALL_OF_ONE,
        pairs(["helper", "computed", "late", "namespaced", "decorated"]),
    ),
    "literal import, a data file, the argument of a partial, and a version": (
        {
            "lib/lab/literal.py": "FACTOR = 2.0\n",
            "lib/lab/data/factor.txt": "2.0\n",
            "partial.py": FILES["partial.py"].replace("build, 1.0", "build, 2.0"),
            "lib/tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 2.0\n",
        },
        ALL_OF_ONE,
        pairs(["literal", "table", "partial", "versioned"]),
    ),
}
"""Changed files, optimizers and problems, and the trials that run, by name of the edit, in their order."""


@pytest.fixture(scope="session")
def edited(run_benchbed, run_once):
    """Run a study after each edit; return its folder and the trials that each run stored."""

    def fill(folder):
        for path, content in FILES.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)
            os.utime(folder / path, (1.7e9, 1.7e9))
        plugins = [argument for path in PLUGIN_FILES for argument in ("--plugin", folder / path)]
        seen, stored = set(), {}
        for edit, (changes, (optimizers, problems), _) in EDITS.items():
            for path, content in changes.items():
                (folder / path).write_text(content)
                # Cached byte code counts as current for an equal time and size.
                os.utime(folder / path, (1.7e9, 1.7e9))
            selection = [argument for name in optimizers for argument in ("-o", name)]
            selection += [argument for name in problems for argument in ("-p", name)]
            environment = {"PYTHONPATH": folder / "lib", "PYTHONDONTWRITEBYTECODE": None}
            result = run_benchbed(folder, "run", *plugins, *selection, *SMALL, "-O", "out", **environment)
            assert result.returncode == 0, result.stderr
            new = set((folder / "out" / "trials").iterdir()) - seen
            seen |= new
            tables = [pq.read_table(path, columns=["problem", "optimizer"]) for path in new]
            stored[edit] = sorted(
                [row["problem"], row["optimizer"]] for table in tables for row in table.to_pylist()
            )
        (folder / "stored.json").write_text(json.dumps(stored))

    folder = run_once("identity", fill)
    return folder, json.loads((folder / "stored.json").read_text())


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_runs_what_depends_on_it_again(edited, edit):
    """And nothing else."""
    _, stored = edited
    assert stored[edit] == EDITS[edit][-1]


def test_numbers_are_those_of_the_last_edit(edited, monkeypatch):
    """A step multiplies theta by 1 − 0.1·factor·curvature; gd is left out, which has another rate."""
    from benchbed import load

    trials = load(edited[0] / "out").trials
    newest = trials.drop_duplicates("optimizer", keep="last").set_index("optimizer")
    factors = dict.fromkeys(RULES, 1.0)
    factors |= dict.fromkeys(["helper", "late", "literal", "computed", "partial", "namespaced", "table"], 2.0)
    for name, factor in factors.items():
        theta = (1 - 0.1 * factor * 2.0) ** STEPS
        assert math.isclose(newest.loc[name, "final_objective"], 2.0 * theta**2, rel_tol=1e-12), name
        assert math.isclose(dict(newest.loc[name, "metrics"])["length"], 3 * 2 * theta, rel_tol=1e-12), name


def test_environment_lists_files_and_versions(edited):
    """Of the newest run."""
    newest = max((edited[0] / "out" / "environments").iterdir())
    sources = json.loads(newest.read_text())["sources"]
    assert set(sources["optimizer helper"]["files"]) == {"helper.py", "lab", "lab.steps", "lab.deeper"}
    assert sources["optimizer versioned"]["versions"] == {"tiny": "2.0"}
    assert set(sources["metric length"]["files"]) == {"lab", "lab.lengths"}
