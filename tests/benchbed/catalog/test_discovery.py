"""Tests of the search for installed plugins and plugin files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.errors import UsageError

REGISTERS_RULE = """
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer

def {name}(rate: float = 0.1):
    return Optimizer(init=lambda theta: None, update=lambda oracle, state, theta: (theta, state))

@hookimpl
def register_optimizers(register):
    register({name})
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(REGISTERS_RULE.format(name="file_rule"))
    return path


def test_a_file_is_loaded_on_request_only(mine, record):
    """A file in the working directory is not a plugin until the user names it."""
    assert "file-rule" not in load_catalog(environ={}).names("optimizers")
    catalog = load_catalog([Path("mine.py")], {})
    assert record(catalog).status == "loaded"
    assert catalog.entry("optimizers", "file-rule").distribution == "mine.py"


def test_a_file_shadows_no_module(tmp_path):
    """A plugin file named torch.py does not replace torch."""
    torch = sys.modules["torch"]
    (tmp_path / "torch.py").write_text(REGISTERS_RULE.format(name="file_rule"))
    catalog = load_catalog([tmp_path / "torch.py"], {})
    assert sys.modules["torch"] is torch
    assert "file-rule" in catalog.names("optimizers")


def test_a_file_named_twice_counts_once(mine):
    """Also if the paths differ."""
    catalog = load_catalog([mine, Path("mine.py"), Path("./mine.py")], {})
    assert "file-rule" in catalog.names("optimizers")


def test_an_edited_file_is_read_again(mine):
    """In the same process and within a second, as in a notebook."""
    first = load_catalog([mine], {}).entry("optimizers", "file-rule")
    mine.write_text(REGISTERS_RULE.format(name="file_ruin"))
    second = load_catalog([mine], {}).entry("optimizers", "file-ruin")
    assert first.source != second.source
    assert not list(mine.parent.rglob("__pycache__"))


def test_a_file_that_raises_is_a_broken_plugin(mine, record):
    """Its record has the error, and its module is removed."""
    mine.write_text("raise ValueError('no')")
    catalog = load_catalog([mine], {})
    assert record(catalog).status == "broken"
    assert record(catalog).module not in sys.modules


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("mine.txt", "", "its name must end in .py"),
        ("missing.py", None, "No such file"),
        ("syntax.py", "def (", "is not valid Python: line 1: SyntaxError"),
        ("nothing.py", "\0", "is not valid Python"),
        ("nested.py", "x = " + "(" * 100_000, "is not valid Python"),
    ],
)
def test_another_file_is_rejected(name, content, expected, tmp_path):
    """The error has the reason."""
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(UsageError, match=expected):
        load_catalog([tmp_path / name], {})


def test_a_distribution_twice_on_the_path_counts_once(install, record):
    """Python imports the first, so its version is recorded."""
    source = REGISTERS_RULE.format(name="twice_rule")
    points = {"mine": "twice_module"}
    install("twice-package", {"twice_module": source}, points, version="1.0", site="old")
    install("Twice_Package", {"twice_module": source}, points, version="2.0", site="new")
    catalog = load_catalog(environ={})
    assert record(catalog).version == "2.0"
    assert "twice-rule" in catalog.names("optimizers")


@pytest.mark.parametrize("entry_points", [b"[benchbed]\nno equals sign", b"[benchbed]\nx = \xff"])
def test_damaged_metadata_affects_no_other_plugin(entry_points, install):
    """A distribution with unreadable entry points causes at most a warning."""
    site = install("damaged-package", {}, {})
    (site / "damaged_package-1.0.dist-info" / "entry_points.txt").write_bytes(entry_points)
    warnings = load_catalog(environ={}).warnings
    assert all("damaged_package" in warning for warning in warnings)


HOSTILE = "from pathlib import Path\nPath(__file__).with_name('imported').touch()\n"
PROBE = "from benchbed.catalog.loading import load_catalog\nprint([record.name for record in load_catalog().plugins])\n"


@pytest.mark.parametrize("option", [["-c", PROBE], ["-m", "catalog_probe"], ["-P", "-m", "catalog_probe"]])
def test_the_working_directory_is_not_read(option, tmp_path):
    """A forged egg-info in a downloaded folder does not make it a plugin."""
    hostile, tools = tmp_path / "hostile", tmp_path / "tools"
    (hostile / "evil.egg-info").mkdir(parents=True)
    (hostile / "evil.egg-info" / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1\n")
    (hostile / "evil.egg-info" / "entry_points.txt").write_text("[benchbed]\nevil = evil\n")
    (hostile / "evil.py").write_text(HOSTILE)
    tools.mkdir()
    (tools / "catalog_probe.py").write_text(PROBE)
    path = os.pathsep.join([str(tools), *(entry for entry in sys.path if Path(entry).is_absolute())])
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    process = subprocess.run(
        [sys.executable, *option],
        cwd=hostile,
        env={**environment, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "evil" not in process.stdout
    assert not (hostile / "imported").exists()
