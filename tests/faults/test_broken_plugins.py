"""Rows 20 and 22: a plugin that is broken, or has a name that could do harm, harms nobody."""

import sys

import pytest

pytestmark = pytest.mark.slow

HEAD = """
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer

def rule():
    return Optimizer(init=lambda theta: theta, update=lambda oracle, state, theta: (theta, state))
"""
OFFER = """
@hookimpl
def register_optimizers(register):
    register(rule, name={!r})
"""
PLUGINS = {
    "raises-at-import": "raise RuntimeError('no \\x1b[31mlibrary')",
    "exits-at-import": "import sys; sys.exit(0)",
    "lacks-a-module": "import a_module_that_nobody_has",
    "is-not-python": "def (",
    "has-an-unknown-hook": HEAD + "@hookimpl\ndef register_optimisers(register):\n    pass\n",
    "clashes-first": HEAD + OFFER.format("twice"),
    "clashes-second": HEAD + OFFER.format("twice"),
    "takes-a-name": HEAD + OFFER.format("adam"),
    "has-a-bad-name": HEAD + OFFER.format("../../<script>\x1b[31m"),
    "prints": "print('noise')" + HEAD + OFFER.format("quiet"),
}
STATUS = {
    "raises-at-import": "broken",
    "exits-at-import": "broken",
    "lacks-a-module": "broken",
    "is-not-python": "broken",
    "has-an-unknown-hook": "invalid",
    "clashes-first": "conflicting",
    "clashes-second": "conflicting",
    "takes-a-name": "conflicting",
    "has-a-bad-name": "invalid",
}


@pytest.fixture(scope="module")
def site(once):
    """Give a folder with a distribution for each of the plugins."""

    def fill(folder):
        for name, source in PLUGINS.items():
            module = name.replace("-", "_")
            information = folder / f"{module}-1.0.dist-info"
            information.mkdir()
            (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            (information / "entry_points.txt").write_text(f"[benchbed]\n{name} = {module}\n")
            (folder / f"{module}.py").write_text(source)

    return once("broken-plugins", fill)


@pytest.fixture(scope="module")
def plugins(bench, site, once):
    """Give what `benchbed plugins` says: stdout and stderr."""

    def fill(folder):
        result = bench(folder, "plugins", PYTHONPATH=site)
        assert result.returncode == 0
        (folder / "stdout").write_text(result.stdout)
        (folder / "stderr").write_text(result.stderr)

    folder = once("listed-plugins", fill)
    return (folder / "stdout").read_text(), (folder / "stderr").read_text()


@pytest.mark.parametrize(("name", "status"), STATUS.items())
def test_what_became_of_a_plugin_is_listed(name, status, plugins):
    """`benchbed plugins` names each with its status."""
    assert [line for line in plugins[0].splitlines() if line.startswith(f"{status:<12} {name}  ({name} 1.0,")]


def test_the_list_has_no_escape_codes_and_no_noise(plugins):
    """What a plugin says in its names, its errors and its prints is escaped, or kept off stdout."""
    assert "\x1b" not in plugins[0] + plugins[1]
    assert "noise" not in plugins[0]


@pytest.fixture(scope="module")
def refused(bench_here, site, once):
    """Give the end of a run that asks for a name which nobody offers, while plugins are broken."""

    def fill(folder):
        asked = ["-p", "quadratic", "-o", "mine", "--preset", "quick", "-O", "study"]
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(site)
            result = bench_here(folder, "run", *asked)
        for name in PLUGINS:
            sys.modules.pop(name.replace("-", "_"), None)
        (folder / "stderr").write_text(f"{result.returncode}\n{result.stderr}")
        assert not (folder / "study").exists()

    code, _, errors = (once("refused", fill) / "stderr").read_text().partition("\n")
    return int(code), errors.splitlines()


def test_an_unknown_name_is_blamed_on_the_plugins_that_are_broken(refused):
    """It may have been meant: exit 2, and the message names them."""
    code, lines = refused
    (error,) = [line for line in lines if line.startswith("error: ")]
    assert code == 2
    assert "unknown optimizer 'mine'" in error
    assert "raises-at-import" in error


@pytest.mark.parametrize("name", STATUS)
def test_a_broken_plugin_is_one_line_on_stderr(name, refused):
    """Nobody has to ask for it, and nobody is buried in tracebacks."""
    _, lines = refused
    about = [line for line in lines if line.startswith("warning: ") and f"'{name}'" in line.split(":", 2)[1]]
    assert len(about) == 1, lines


def test_a_study_runs_beside_broken_plugins(bench, site, tmp_path):
    """They do no harm to what does not need them; the built-in optimizer whose name was taken is lost."""
    asked = ["-p", "quadratic", "-o", "gd", "--preset", "quick", "--steps", "30", "--track", "default"]
    assert bench(tmp_path, "run", *asked, "-O", "study", PYTHONPATH=site).returncode == 0
