"""Nodes of a trace, and errors, have the innermost line of a plugin; this file counts as one."""

import inspect
import json

import pytest
import torch

from benchbed.codegen.fx_nodes import operation_name
from benchbed.codegen.plugin_lines import innermost_plugin_line, plugin_line_of
from benchbed.codegen.trace import trace_function


def line_in(function, offset):
    """Return `file:line` of a line of a function."""
    return f"{__file__}:{inspect.getsourcelines(function)[1] + offset}"


def lines_of(graph, name):
    """Return the lines of all nodes of an operation."""
    return [node.stack_trace for node in graph.graph.nodes if operation_name(node) == name]


def loss(theta):
    hidden = torch.nn.functional.softplus(theta)
    return hidden.sinh().sum()


def test_an_operation_and_its_derivative_have_the_line_of_the_operation():
    """The frames of torch and of the caller of the trace do not count."""
    graph = trace_function(torch.func.grad(loss), torch.ones(3))
    assert lines_of(graph, "cosh") == [line_in(loss, 2)]  # the derivative of sinh
    assert set(lines_of(graph, "exp")) == {line_in(loss, 1)}
    assert lines_of(trace_function(torch.sin, torch.ones(3)), "sin") == [None]


def test_lines_survive_the_removal_of_side_effects():
    """Which traces the graph again."""

    def accumulate(theta):
        total = torch.zeros(3)
        total.add_(theta.cos())
        return total

    graph = trace_function(accumulate, torch.ones(3))
    assert lines_of(graph, "cos") == [line_in(accumulate, 2)]
    assert lines_of(graph, "add") == [line_in(accumulate, 2)]


def test_an_error_has_the_innermost_line_of_a_plugin():
    """The frames of the standard library beneath it do not count."""

    def parse():
        return json.loads("{")

    with pytest.raises(json.JSONDecodeError) as raised:
        parse()
    assert plugin_line_of(raised.value) == line_in(parse, 1)
    assert plugin_line_of(ValueError()) is None


@pytest.mark.parametrize(
    ("file", "is_plugin"),
    [
        ("/home/user/mine.py", True),
        (pytest.__file__, True),
        (torch.nn.__file__, False),
        (json.__file__, False),
        (inspect.getfile(trace_function), False),
        ("<string>", False),
    ],
    ids=["file", "installed package", "torch", "standard library", "benchbed", "generated"],
)
def test_only_files_of_plugins_count(file, is_plugin):
    """A package beside torch is one."""
    assert innermost_plugin_line([(file, 7)]) == (f"{file}:7" if is_plugin else None)
