"""Costs of calls, measured by a clock that the test controls."""

import pytest

from benchbed_course.figures.costs import (
    at,
    format_distance,
    format_duration,
    ratio,
    seconds_of,
    slope,
    sweep,
)

pytestmark = pytest.mark.slow


class Clock:
    """Processor time as the calls below spend it."""

    def __init__(self):
        self.now, self.order = 0.0, []

    def __call__(self):
        return self.now

    def call(self, name, *spent):
        """Return a call that spends these seconds, one after the other, and the last one from then on."""
        durations = list(spent)

        def run():
            self.order.append(name)
            self.now += durations.pop(0) if len(durations) > 1 else durations[0]

        return run


def test_the_median_of_the_rounds_without_the_first_call():
    """A cold first call and one disturbed round do not change the result."""
    clock = Clock()
    calls = {
        "disturbed": clock.call("disturbed", 9.0, 0.5, 0.5, 7.0, 0.5),
        "steady": clock.call("steady", 0.25),
    }
    assert seconds_of(calls, repetitions=5, clock=clock) == {"disturbed": 0.5, "steady": 0.25}


def test_the_calls_take_turns():
    """Two calls each to warm up and to count; then one after the other."""
    clock = Clock()
    seconds_of({name: clock.call(name, 1.0) for name in "ab"}, repetitions=3, clock=clock)
    assert "".join(clock.order) == "aabb" + "ab" * 3


def test_a_short_call_is_repeated_within_its_turn():
    """2 ms contain eight calls of 1/4 ms; the result is the time of one call."""
    clock = Clock()
    assert seconds_of({"a": clock.call("a", 2**-12)}, repetitions=1, clock=clock) == {"a": 2**-12}
    assert len(clock.order) == 2 + 9  # ⌈2 ms / 2⁻¹² s⌉ = ⌈8.19⌉


def test_a_clock_that_stands_still_does_not_repeat_forever():
    """A call below the clock's step is repeated a bounded number of times."""
    clock = Clock()
    assert seconds_of({"a": clock.call("a", 0.0)}, repetitions=1, clock=clock) == {"a": 0.0}
    assert len(clock.order) == 2 + 1_000


def test_a_sweep_keeps_the_sizes_at_which_each_call_was_measured():
    """One call is missing at the large size."""
    calls_at = {1: {"f": int, "slow": int}, 2: {"f": int}}.__getitem__
    costs = sweep(calls_at, (1, 2))
    assert {name: curve["sizes"] for name, curve in costs.items()} == {"f": [1, 2], "slow": [1]}
    assert all(len(curve["seconds"]) == len(curve["sizes"]) for curve in costs.values())


def test_the_slope_is_the_exponent_of_a_power_law():
    """3 n² up to 10, constant beyond: 2, 0, and a value in between over all sizes."""
    curve = {"sizes": [1, 5, 10, 100, 1000], "seconds": [3.0, 75.0, 300.0, 300.0, 300.0]}
    assert slope(curve, high=10) == pytest.approx(2, abs=1e-12)
    assert slope(curve, low=10) == pytest.approx(0, abs=1e-12)
    assert 0 < slope(curve) < 2


def test_a_ratio_is_taken_size_by_size():
    """Also where the curve ends before its base."""
    base = {"sizes": [1, 10, 100], "seconds": [1.0, 2.0, 4.0]}
    curve = {"sizes": [10, 100], "seconds": [6.0, 8.0]}
    assert ratio(curve, base) == {"sizes": [10, 100], "seconds": [3.0, 2.0]}
    assert at(curve, 100) == 8.0


def test_durations_have_the_unit_that_suits_them():
    """From seconds to nanoseconds."""
    assert [format_duration(value) for value in (2.0, 0.0123, 4.56e-5, 7.89e-8)] == [
        "2 s",
        "12.3 ms",
        "45.6 µs",
        "78.9 ns",
    ]


def test_equal_values_agree_exactly():
    """A difference of 0 has no digits."""
    assert [format_distance(0.0), format_distance(1.4e-16)] == ["exactly", "within 1e-16 of"]
