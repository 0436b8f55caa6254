"""The wheel, the pinned dependencies, the version, and the set-up lines that the README and CI quote."""

import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import benchbed

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PARENTS = {
    "benchbed": "",
    "benchbed_course": "plugins",
    "benchbed_findings": "plugins",
    "benchbed_optimizers": "plugins",
    "benchbed_problems": "problems",
}


def pins(name):
    """Read a constraints file as {normalized name: version}; fail on a line that is not a plain pin."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    assert not [line for line in pinned if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)]
    return {normalized(line.partition("==")[0]): line.partition("==")[2] for line in pinned}


def normalized(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def lower_bounds():
    return {normalized(name): bound for name, bound in (text.split(">=") for text in PROJECT["dependencies"])}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """File names in a wheel that is built from the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (path,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(path).namelist())


def test_the_wheel_contains_exactly_the_packages(wheel):
    """Code, suites and type markers are shipped, and nothing else."""
    sources = set()
    for package, parent in PARENTS.items():
        files = [file for file in (ROOT / parent / package).rglob("*") if file.is_file()]
        sources |= {
            file.relative_to(ROOT / parent).as_posix() for file in files if file.parent.name != "__pycache__"
        }
    shipped = {name for name in wheel if ".dist-info/" not in name}
    assert shipped == sources
    assert {f"{package}/py.typed" for package in PARENTS} <= shipped


def test_suites_are_shipped(wheel):
    """The suites of the presets are TOML files beside the problems."""
    assert [name for name in wheel if name.startswith("benchbed_problems/suites/") and name.endswith(".toml")]


def test_the_tests_import_the_installed_package():
    """Unless the install is editable, benchbed is imported from its distribution."""
    distribution = importlib.metadata.distribution("benchbed")
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    editable = origin.get("dir_info", {}).get("editable", False)
    root = ROOT if editable else Path(distribution.locate_file(""))
    assert Path(benchbed.__file__) == (root / "benchbed" / "__init__.py").resolve()


def test_the_version_is_the_same_everywhere():
    """The package, its distribution and CITATION.cff name the same version."""
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    (cited,) = re.findall(r"^version: (.+)$", citation, flags=re.MULTILINE)
    assert benchbed.__version__ == importlib.metadata.version("benchbed") == cited


@pytest.mark.parametrize("module", PROJECT["entry-points"]["benchbed"].values())
def test_entry_points_name_modules_that_exist(module):
    """A built-in plugin that cannot be found would be reported as broken to every user."""
    assert importlib.util.find_spec(module)


def test_constraints_pin_every_dependency():
    """The dependencies and the tools that tox installs are pinned."""
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    blocks = re.findall(r"^deps =\n((?:    .*\n)+)", tox, flags=re.MULTILINE)
    tools = {normalized(line.strip()) for block in blocks for line in block.splitlines()}
    assert tools
    assert not (set(lower_bounds()) | tools) - set(pins("constraints.txt"))


def test_the_lowest_constraints_are_the_lower_bounds():
    """`tox -e lowest` tests exactly the bounds of pyproject.toml."""
    assert pins("constraints-lowest.txt") == lower_bounds()


def test_the_readme_has_two_lines_of_set_up():
    """The first line runs the benchmark, the second the tests; no other line begins like them."""
    assert re.findall(r"^(?:\$ )?(python -m pip install .*)$", README, flags=re.MULTILINE) == [
        "python -m pip install -c constraints.txt . && benchbed run",
        "python -m pip install tox && tox -e py",
    ]


def test_ci_runs_the_readmes_second_line():
    """CI runs the same command as a new contributor."""
    second = re.findall(r"^python -m pip install .*$", README, flags=re.MULTILINE)[1]
    assert f"bash -c '{second}'\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_readmes_optimizer_passes_the_checks():
    """The example of the README passes `check_optimizer`."""
    from benchbed.testing import check_optimizer

    example, *_ = re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    factories = []
    namespace = {"__name__": "softsign"}
    exec(compile(example, "README.md", "exec"), namespace)
    namespace["register_optimizers"](factories.append)
    (factory,) = factories
    check_optimizer(factory)
