"""Hold what is shipped, and what the README and CI say of it, to what is there."""

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
SHELVES = {
    "benchbed": "",
    "benchbed_course": "plugins",
    "benchbed_optimizers": "plugins",
    "benchbed_problems": "problems",
}


def pins(name):
    """Read a constraints file as {normalized name: version}, refusing whatever is not a plain pin."""
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
    """Build the wheel from the checkout and give its file names."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (path,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(path).namelist())


def test_the_wheel_holds_the_packages_whole(wheel):
    """Code, suites and type markers reach the user, and nothing else does."""
    sources = set()
    for package, shelf in SHELVES.items():
        files = [file for file in (ROOT / shelf / package).rglob("*") if file.is_file()]
        sources |= {
            file.relative_to(ROOT / shelf).as_posix() for file in files if file.parent.name != "__pycache__"
        }
    shipped = {name for name in wheel if ".dist-info/" not in name}
    assert shipped == sources
    assert {f"{package}/py.typed" for package in SHELVES} <= shipped


def test_suites_are_shipped(wheel):
    """The presets are TOML files beside the problems, not code."""
    assert [name for name in wheel if name.startswith("benchbed_problems/suites/") and name.endswith(".toml")]


def test_what_is_tested_is_what_is_installed():
    """Outside an editable install, benchbed is imported from where its distribution put it."""
    distribution = importlib.metadata.distribution("benchbed")
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    editable = origin.get("dir_info", {}).get("editable", False)
    home = ROOT if editable else Path(distribution.locate_file(""))
    assert Path(benchbed.__file__) == (home / "benchbed" / "__init__.py").resolve()


def test_the_version_has_one_source():
    """What the package says of itself is what was installed."""
    assert benchbed.__version__ == importlib.metadata.version("benchbed")


@pytest.mark.parametrize("module", PROJECT["entry-points"]["benchbed"].values())
def test_entry_points_name_modules_that_exist(module):
    """A built-in part that cannot be found would be reported as a broken plugin to everyone."""
    assert importlib.util.find_spec(module)


def test_constraints_pin_every_dependency():
    """What was tested is pinned, the tools that tox installs included."""
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    blocks = re.findall(r"^deps =\n((?:    .*\n)+)", tox, flags=re.MULTILINE)
    tools = {normalized(line.strip()) for block in blocks for line in block.splitlines()}
    assert tools
    assert not (set(lower_bounds()) | tools) - set(pins("constraints.txt"))


def test_the_lowest_constraints_are_the_lower_bounds():
    """`tox -e lowest` proves exactly the bounds that pyproject.toml promises."""
    assert pins("constraints-lowest.txt") == lower_bounds()


def test_the_readme_has_two_lines_of_set_up():
    """A newcomer types the first to run and the second to test; nothing else begins like them."""
    assert re.findall(r"^(?:\$ )?(python -m pip install .*)$", README, flags=re.MULTILINE) == [
        "python -m pip install -c constraints.txt . && benchbed run",
        "python -m pip install tox && tox -e py",
    ]


def test_ci_runs_the_readmes_second_line():
    """What CI proves is what a newcomer types."""
    second = re.findall(r"^python -m pip install .*$", README, flags=re.MULTILINE)[1]
    assert f"bash -c '{second}'\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_readmes_optimizer_keeps_the_contract():
    """The example that everyone copies is run as it stands."""
    from benchbed.testing import check_optimizer

    example, *_ = re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    offered = []
    namespace = {"__name__": "signum"}
    exec(compile(example, "README.md", "exec"), namespace)
    namespace["register_optimizers"](offered.append)
    (factory,) = offered
    check_optimizer(factory)
