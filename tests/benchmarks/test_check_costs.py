"""The benchmark of the checks: a small version of it."""

from unittest import mock

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def check_costs(benchmarks_on_the_path):
    """Return the script as a module."""
    import check_costs

    return check_costs


def test_the_checks_of_a_pairing_are_timed(check_costs):
    """Each problem has a row, and its checks run once more than there are rounds."""
    with mock.patch("check_costs.check_contract", return_value=None) as check:
        rows = check_costs.measure_pairings(["quadratic", "noisy-bowl"], rounds=2)
    assert [row.pairing for row in rows] == ["quadratic × softsign", "noisy-bowl × softsign"]
    assert check.call_count == 2 * 3
    assert all(0 < row.median < 60 and row.first > 0 for row in rows)


def test_a_rejected_pairing_is_no_measurement(check_costs):
    """The benchmark ends, instead of timing the way to a rejection."""
    error = check_costs.ContractError("the rule is wrong")
    with (
        mock.patch("check_costs.check_contract", side_effect=error),
        pytest.raises(SystemExit, match="quadratic × softsign is rejected: the rule is wrong"),
    ):
        check_costs.measure_pairings(["quadratic"], rounds=1)


def test_the_ratio_is_that_of_pairs(check_costs):
    """A slow moment of the machine concerns both runs of a round."""
    assert check_costs.PresetCost([10.0, 33.0, 11.0], [10.0, 30.0, 10.0]).ratio == pytest.approx(1.1)
