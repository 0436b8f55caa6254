"""Let the benchmarks' modules import each other, as they do when one is run as a script."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="session", autouse=True)
def benchmarks_on_the_path():
    """Put the folder where `python benchmarks/NAME.py` would put it."""
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))
