"""Planning of a request whose selectors cannot all be used; tests of faults plan third-party plugins."""

import msgspec
import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.errors import UnusableSelectorsError
from benchbed.plan import Request
from benchbed.study.planning import plan_request


def test_a_selector_is_left_out_as_a_problem_or_as_an_optimizer():
    """A name of the other kind is that of something that can be used."""
    request = Request(
        problems=("adam", "quadratic"), optimizers=("adam", "quadratic"), preset="quick", device="cpu"
    )
    catalog = load_catalog(environ={})
    with pytest.raises(UnusableSelectorsError, match="2 of 4 selectors cannot be used"):
        plan_request(catalog, request)
    plan, warnings = plan_request(catalog, msgspec.structs.replace(request, skip_unusable=True))
    assert [problem.name for problem in plan.problems] == ["quadratic"]
    assert [entrant.name for entrant in plan.entrants] == ["adam"]
    assert [warning.partition(";")[0].partition(" (")[0] for warning in warnings] == [
        "'adam' is left out: unknown problem 'adam'",
        "'quadratic' is left out: unknown optimizer 'quadratic'",
    ]
