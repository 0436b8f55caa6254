"""The record of a known finding, with its expected and its measured value."""

from typing import NamedTuple


class Finding(NamedTuple):
    """A sentence with the expected and the measured value, and whether they agree."""

    sentence: str
    expected: str
    measured: str
    holds: bool


def near(sentence: str, expected: float, measured: float, tolerance: float) -> Finding:
    """Return a finding that holds if both values differ by at most `tolerance`."""
    return Finding(sentence, f"{expected:.6g}", f"{measured:.6g}", abs(expected - measured) <= tolerance)
