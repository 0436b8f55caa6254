"""An edit that leaves time and size of a file as they were is imported."""

import importlib
import os
import sys
from importlib.machinery import SourceFileLoader

from benchbed.catalog.byte_code import import_from_sources


def test_cached_byte_code_of_an_earlier_version_is_not_used(tmp_path, monkeypatch):
    """Python itself takes it, as the first half of the test shows."""
    monkeypatch.setattr(SourceFileLoader, "get_code", super(SourceFileLoader, SourceFileLoader).get_code)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.syspath_prepend(tmp_path)

    def value_after(content):
        (tmp_path / "edited_in_time.py").write_text(content)
        os.utime(tmp_path / "edited_in_time.py", (1.7e9, 1.7e9))
        monkeypatch.delitem(sys.modules, "edited_in_time", raising=False)
        return importlib.import_module("edited_in_time").VALUE

    assert [value_after("VALUE = 1"), value_after("VALUE = 2")] == [1, 1]
    import_from_sources()
    assert value_after("VALUE = 2") == 2
