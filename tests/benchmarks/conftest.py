"""The folder of the benchmarks on the import path, as for a script."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="session", autouse=True)
def benchmarks_on_the_path():
    """Put the folder of the benchmarks on `sys.path`, as `python benchmarks/NAME.py` does."""
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))
