"""The README of the package shows the code that is generated, and lists the operations that are supported."""

import re
from importlib.resources import files

import pytest
import torch

from benchbed.codegen import compiled_step, elementwise
from benchbed.codegen.fx_nodes import format_graph
from benchbed.codegen.lanewise.codegen import OPERATIONS as LANEWISE
from benchbed.codegen.tensorwise.operations import OPERATIONS as TENSORWISE
from benchbed.codegen.tensorwise.passes import ELEMENTWISE

pytestmark = pytest.mark.slow

README = files("benchbed.codegen").joinpath("README.md").read_text(encoding="utf-8")


def block(language):
    """Return the first fenced block in a language."""
    return re.search(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)[1]


@pytest.fixture(scope="module")
def example():
    """Run the example, and return its variables."""
    namespace = {}
    exec(compile(block("python"), "README.md", "exec"), namespace)
    return namespace


def test_example_runs_gradient_descent(example):
    """θ shrinks by 1 − rate · eigenvalue in each step."""
    factors = 1 - example["learning_rate"] * example["eigenvalues"]
    for steps, result in ((1, example["after_1"]), (10, example["after_10"])):
        torch.testing.assert_close(result, (factors**steps).expand(5, 3, 2), rtol=1e-12, atol=1e-12)


def test_graph_is_that_of_the_example(example):
    """As `format_graph` formats it."""
    traced = example["traced"]
    assert block("text") == format_graph(traced.graph.graph, traced.kinds)


def test_program_is_that_of_the_example(example):
    """After the common part, which alone depends on the processor."""
    common, separator, program = example["compiled"].source.text.partition("// Lanewise form")
    assert block("cpp") == separator + program
    assert "constexpr int W = " in common


@pytest.mark.parametrize("template", ["lanewise/lanes.cpp", "tensorwise/tensors.cpp"])
def test_signature_is_that_of_both_forms(template):
    """In the calling convention, in the C++, and for ctypes."""
    code = files("benchbed.codegen").joinpath(*template.split("/")).read_text(encoding="utf-8")
    signature = re.search(r'extern "C" int64_t advance\((.*?)\) \{', code, flags=re.DOTALL)[1]
    names = [argument.split()[-1] for argument in signature.split(",")]
    assert f"`int64_t advance({', '.join(names)})`" in README
    assert len(names) == len(compiled_step.ARGUMENT_TYPES)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("Elementwise, in both forms:", set(ELEMENTWISE)),
        ("Others in the lanewise form:", set(LANEWISE) - set(ELEMENTWISE)),
        ("Others in the tensorwise form:", set(TENSORWISE)),
    ],
    ids=["elementwise", "lanewise", "tensorwise"],
)
def test_lists_of_operations_are_complete(start, expected):
    """Each list equals its table, in alphabetical order."""
    paragraph = README.partition(start)[2].strip().partition("\n\n")[0]
    assert re.findall(r"`(\w+)`", paragraph) == sorted(expected)


def test_quoted_lowering_is_in_the_code():
    """The example of a composed elementwise operation."""
    quoted = re.search(r"^   ```python\n(.*?)^   ```$", README, flags=re.MULTILINE | re.DOTALL)[1]
    code = files("benchbed.codegen").joinpath("elementwise.py").read_text(encoding="utf-8")
    assert re.sub(r"^   ", "", quoted, flags=re.MULTILINE) in code
    assert "sigmoid" in elementwise.OPERATIONS


def test_fields_and_variables_that_it_names_exist():
    """Names in code font with a dot, and environment variables."""
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in files("benchbed.codegen").iterdir()
        if path.name.endswith(".py")
    )
    named = re.findall(r"`\w+\.(\w+)(?:\([^`]*\))?`", README)
    named = [name for name in named if name not in {"py", "cpp"}]
    variables = re.findall(
        r"^\| `(\w+)(?:=DIR)?` \|", README.partition("## Environment variables")[2], flags=re.MULTILINE
    )
    assert {"reads", "changes", "total"} <= set(named)
    assert len(variables) == 3
    assert [name for name in [*named, *variables] if name not in code] == []
