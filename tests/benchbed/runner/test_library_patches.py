"""Replaced functions of libraries are found and named."""

import pytest
import torch

from benchbed.runner.library_patches import describe_patches, original_functions


@pytest.fixture(autouse=True)
def originals():
    """Take the functions as they are before the test."""
    original_functions.cache_clear()
    original_functions()


def test_imports_and_traces_replace_nothing():
    """Not even torch's compiler, which wraps the function that sets the seed."""
    torch.compile(lambda x: x.sin().sum(), backend="eager")(torch.ones(3))
    assert describe_patches(["mine"]) is None


def test_a_replaced_method_is_named(monkeypatch):
    """It is inherited, so that the assignment adds an attribute."""
    monkeypatch.setattr(torch.Tensor, "sqrt", torch.Tensor.square)
    assert "a plugin (mine) replaces torch" in describe_patches(["mine"])
    assert "Tensor.sqrt, on which" in describe_patches(["mine"])


def test_many_replaced_functions_are_cut(monkeypatch):
    """Three are enough to find the line."""
    for name in ("sqrt", "exp", "sin", "cos"):
        monkeypatch.setattr(torch, name, torch.square)
    assert "replaces torch.cos, torch.exp, torch.sin, …, on which" in describe_patches(["mine"])
