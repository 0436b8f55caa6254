"""`benchbed list`: optimizers by family, whole entries, and JSON."""

import inspect
import json
import re
from pathlib import Path

import pytest

import benchbed
from benchbed.catalog.loading import load_catalog
from benchbed.catalog.records import KINDS
from benchbed.cli.entries import full_lines, record
from benchbed_optimizers import FAMILIES
from benchbed_optimizers.muon import muon

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "plugins.md"
KEY = re.compile(r"`(\w+)`")
PLUGIN = '''
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer

def still(learning_rate=0.1, mode="a"):
    """A rule that stays.

    \\x1b[31mRed\\x1b[0m, with θ.

    Sources: Nobody (2020), Not at all: a title
    over two lines, equation 1. Deviation: it stays.
    """
    return Optimizer(init=lambda theta: theta, update=lambda oracle, state, theta: (theta, state))

@hookimpl
def register_optimizers(register):
    register(still)
    register(still, name="calm", family="sign")
    register(still, name="numb", family="numb-rules")
'''


@pytest.fixture(scope="module")
def listed(run_in_process, tmp_path_factory):
    """Return a function that runs the command with a third-party plugin."""
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "mine.py").write_text(PLUGIN)
    return lambda *arguments: run_in_process(folder, "list", *arguments, "--plugin", "mine.py", plots=True)


def test_optimizers_are_listed_by_family(listed):
    """In the order of registration; those without a family come last."""
    first, *lines = listed("optimizers").stdout.splitlines()
    assert first == "optimizers:"
    families = {}
    for line in lines:
        if line.startswith("  ") and line[2] != " ":
            names = families.setdefault(line.strip(" :"), [])
        elif line[4] != " ":
            names.append(line.split()[0])
    expected = {
        family: [factory.__name__.replace("_", "-") for factory in factories]
        for family, factories in FAMILIES.items()
        if factories
    }
    expected["sign"].append("calm")
    assert families == {**expected, "numb-rules": ["numb"], "other": ["still"]}
    assert [*families][-2:] == ["numb-rules", "other"]


def test_the_list_of_optimizers_has_ranges_and_sources(listed):
    """The source ends where a deviation begins."""
    stdout = listed("optimizers").stdout
    assert (
        "learning_rate=0.02 in 1e-6…100, beta=0.95 in 0…0.999, weight_decay=0 in 1e-5…1, scaling=shape"
        in stdout
    )
    assert "Source: Robbins & Monro (1951), A Stochastic Approximation Method" in stdout
    assert "        Sources: Nobody (2020), Not at all: a title over two lines, equation 1.\n" in stdout


def test_an_entry_has_its_documentation_and_parameters(listed):
    """The docstring is text, each parameter a line."""
    lines = listed("optimizers", "muon").stdout.splitlines()
    documentation = inspect.getdoc(muon).splitlines()
    assert lines[:2] == [f"muon  (benchbed {benchbed.__version__})", "family matrix"]
    assert lines[3 : 3 + len(documentation)] == documentation
    assert "  scaling        shape; 'shape' or 'rms'" in lines
    beta = "0.95; a number of at least 0 and less than 1; searched from 0 to 0.999, logarithmic in 1 − beta"
    assert f"  beta           {beta}" in lines
    rate = "0.02; a finite number of at least 0; searched from 1e-6 to 100, logarithmic"
    assert f"  learning_rate  {rate}" in lines


def test_entries_of_every_kind_are_printed(listed):
    """Of several names, each; escape sequences of a third party are escaped."""
    catalog = load_catalog()
    for kind, expected in {
        "problems": "\nParameters:\n  eigenvalues ",
        "wrappers": "  warmup  0.05; a finite number; searched from 0 to 0.9, linear",
        "suites": "\nOptimizers:\n  gd\n",
        "gradients": "price of a gradient in calls: ",
        "figures": "drawn from ",
    }.items():
        names = catalog.names(kind)
        name = {"problems": "quadratic", "suites": "standard"}.get(kind, names[0])
        stdout = listed(kind, name).stdout
        assert stdout.startswith(f"{name}  (")
        assert expected in stdout
    stdout = listed("figures", "quadratic-paths", "quadratic-edge", "pullback").stdout
    facts = [line for line in stdout.splitlines() if line.startswith("drawn from ")]
    assert facts == [
        "drawn from course-quadratic; part C7; takes optimizers",
        "drawn from course-quadratic-edge; part C7",
        "drawn from a measurement; part C12",
    ]
    stdout = listed("optimizers", "still", "sgd").stdout
    assert "\x1b" not in stdout
    assert "\\x1b[31mRed\\x1b[0m, with θ." in stdout
    assert "  mode           a; a word or a string in quotes\n\nsgd  (benchbed" in stdout


def test_json_is_one_document_with_the_documented_keys(listed):
    """Of all kinds, with the same entries as the text; the keys are those in docs/plugins.md."""
    stdout = listed("--format", "json").stdout
    document = json.loads(stdout)
    assert stdout.isascii()
    assert "\x1b" not in stdout
    assert list(document) == list(KINDS)
    catalog = load_catalog()
    for kind, entries in document.items():
        names = [entry["name"] for entry in entries]
        assert [name for name in names if name not in ("still", "calm", "numb")] == list(catalog.names(kind))
    keys = {key for entries in document.values() for entry in entries for key in entry}
    parameters = [
        entry["parameters"] for kind in ("problems", "optimizers", "wrappers") for entry in document[kind]
    ]
    keys |= {key for of_entry in parameters for parameter in of_entry for key in parameter}
    table = (
        DOCUMENTATION.read_text(encoding="utf-8").partition("## The list as JSON")[2].partition("\n## ")[0]
    )
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert keys == {key for row in rows for key in KEY.findall(row)}
    assert all(entry["fault"] is None for entries in document.values() for entry in entries)


def test_json_of_an_entry_has_values_ranges_and_source(listed):
    """Also of a third-party optimizer, which another process has described."""
    (entry,) = json.loads(listed("optimizers", "still", "--format", "json").stdout)["optimizers"]
    assert entry["parameters"] == [
        {
            "name": "learning_rate",
            "default": 0.1,
            "values": "a finite number of at least 0",
            "search": {"scale": "log", "low": 1e-6, "high": 100.0, "choices": []},
        },
        {"name": "mode", "default": "a", "values": "a word or a string in quotes", "search": None},
    ]
    assert (entry["family"], entry["plugin"]) == ("other", "mine")
    assert entry["summary"] == "A rule that stays."
    assert entry["source"] == "Sources: Nobody (2020), Not at all: a title over two lines, equation 1."
    beta = json.loads(listed("optimizers", "muon", "--format", "json").stdout)["optimizers"][0]["parameters"][
        1
    ]
    assert beta["search"] == {"scale": "log of 1 - value", "low": 0.0, "high": 0.999, "choices": []}
    (scheduled,) = json.loads(listed("wrappers", "scheduled", "--format", "json").stdout)["wrappers"]
    choices = ["constant", "linear", "cosine", "wsd"]
    assert scheduled["parameters"][0]["search"] == {
        "scale": "choice",
        "low": None,
        "high": None,
        "choices": choices,
    }


def test_a_missing_library_is_the_fault_of_an_entry():
    """Its documentation is printed all the same."""

    def needs_data():
        raise ModuleNotFoundError("the data comes with a library")

    entry = load_catalog().entry("problems", "quadratic")._replace(implementation=needs_data)
    as_json = record(entry)
    assert (as_json["fault"], as_json["documentation"]) == (
        "the data comes with a library",
        entry.documentation,
    )
    assert "parameters" not in as_json
    lines = list(full_lines(entry))
    assert lines[-1] == "cannot be used: the data comes with a library"
    assert set(entry.documentation.splitlines()) <= set(lines)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["optimizers", "muo"],
            "unknown optimizer 'muo'; did you mean 'muon'? (see `benchbed list optimizers`)",
        ),
        (
            ["problems", "quadratik", "--format", "json"],
            "unknown problem 'quadratik'; did you mean 'quadratic'?",
        ),
        (["optimizers", "adam[beta1=0]"], "'adam[beta1=0]' has parameters; write the name alone"),
        (
            ["optimizers", "cosine(adam)"],
            "'cosine(adam)' consists of several entries; list each of cosine, adam",
        ),
        (["optimizer"], "'optimizer' is neither a kind nor a registered name; did you mean 'optimizers'?"),
        (["muo", "--format", "json"], "a registered name; did you mean 'muon'? (see `benchbed list`)"),
    ],
)
def test_a_name_that_is_not_registered_is_an_error(arguments, expected, listed):
    """With a similar one, and nothing on stdout."""
    result = listed(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert expected in result.stderr


def test_a_name_needs_no_kind(listed):
    """The whole entry of each kind that has it, as with the kind."""
    assert listed("muon").stdout == listed("optimizers", "muon").stdout
    both = listed("muon", "quadratic", "--format", "json")
    records = json.loads(both.stdout)
    assert {kind: [entry["name"] for entry in entries] for kind, entries in records.items()} == {
        "optimizers": ["muon"],
        "problems": ["quadratic"],
    }
