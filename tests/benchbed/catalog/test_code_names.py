"""The modules that a function uses: their files are part of its identity."""

import contextlib
import sys

import pytest

from benchbed.catalog.content import read_content


@pytest.mark.parametrize(
    ("source", "used"),
    [
        ("def f():\n from package.part import RATE\n return RATE", "package.part"),
        ("def f():\n from package import part\n return part.RATE", "package.part"),
        (
            "def f():\n def g():\n  import package.part\n  return package.part.RATE\n return g()",
            "package.part",
        ),
        ("import package.part\ndef f():\n return package.part.RATE", "package.part"),
        ("import package.part\ndef f():\n return lambda: package.part.RATE", "package.part"),
        ("__package__ = 'package'\ndef f():\n from .part import RATE\n return RATE", "package.part"),
        ("def f():\n from .part import RATE", None),  # it cannot be called
        ("import numpy.random\ndef f():\n return {numpy.random.beta}", "numpy.random"),
        ("import torch\nUSED = {torch.nn.Linear}\ndef f():\n return USED", "torch.nn.modules.linear"),
    ],
)
def test_modules_that_are_used_are_listed(source, used, tmp_path, monkeypatch):
    """Also those that a function imports when it runs, and those that only its package names."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "package" / "part.py").write_text("RATE = 0.3")
    monkeypatch.syspath_prepend(tmp_path)
    namespace = {"__name__": "__main__", "__package__": ""}
    exec(source, namespace)
    content = read_content(namespace["f"])
    assert used is None or used in content.modules
    with contextlib.suppress(ImportError):
        namespace["f"]()
    assert read_content(namespace["f"]).digest == content.digest
    for module in [name for name in sys.modules if name.partition(".")[0] == "package"]:
        monkeypatch.delitem(sys.modules, module)
