"""Tests of the points of the track `searched`."""

import numpy as np
import pytest
from scipy.stats import qmc

from benchbed.catalog.loading import load_catalog
from benchbed.errors import UsageError
from benchbed.interfaces import Choice, LogUniform, OneMinusLogUniform, Uniform
from benchbed.plan.search import COLUMNS, columns_of, search_settings, value_at
from benchbed.seeds import INSTANCES, digest

CATALOG = load_catalog(environ={})


def settings(name, fixed=(), points=64):
    free = {key: value for key, value in CATALOG.parameters(name).items() if key not in fixed}
    return search_settings(free, points)


def test_all_optimizers_try_the_same_learning_rates():
    """Column 0 belongs to the learning rate for all optimizers."""
    rates = [[setting["learning_rate"] for setting in settings(name)] for name in ("sgd", "adam", "adamw")]
    assert rates[0] == rates[1] == rates[2]
    assert len(set(rates[0])) == 64


def test_a_shared_name_has_shared_values():
    """adam and adamw try the same values of β₁, though adamw has more hyperparameters."""
    values = [[setting["beta1"] for setting in settings(name)] for name in ("adam", "adamw")]
    assert values[0] == values[1]


def test_points_cover_the_range_evenly():
    """A Sobol set has exactly one of 64 points in each 64th of every axis, scrambled or not."""
    rates = np.array([setting["learning_rate"] for setting in settings("adam")])
    shares = (np.log10(rates) + 6) / 8
    assert sorted((shares * 64).astype(int)) == list(range(64))


def test_fewer_points_are_the_first_of_the_same_set():
    """A smaller preset tries some of the settings of the full one."""
    assert settings("adam", points=8) == settings("adam")[:8]


def test_a_fixed_hyperparameter_is_not_searched():
    """The others keep their columns."""
    free = settings("adam", fixed=["learning_rate"])
    assert "learning_rate" not in free[0]
    assert [point["beta2"] for point in free] == [point["beta2"] for point in settings("adam")]


def test_without_a_search_space_there_are_no_points():
    """sgd has only a learning rate."""
    assert settings("sgd", fixed=["learning_rate"]) == ()


def test_a_choice_divides_its_column_into_equal_parts():
    """Of 64 points of a Sobol set, 16 have each of four values; the column is that of the name."""
    points = settings("scheduled(adam)")
    column = columns_of(points[0])["scheduled_schedule"]
    seed = int(digest(INSTANCES, "search")[:8], 16)
    shares = qmc.Sobol(COLUMNS, scramble=True, rng=seed).random(64)[:, column]
    values = ("constant", "linear", "cosine", "wsd")
    expected = [
        next(v for v, end in zip(values, (0.25, 0.5, 0.75, 1), strict=True) if s < end) for s in shares
    ]
    assert [point["scheduled_schedule"] for point in points] == expected
    assert [expected.count(value) for value in values] == [16] * 4
    assert [value_at(Choice((1, 2, 3)), share) for share in (0, 0.333, 0.334, 0.667, 1 - 1e-16)] == [
        1,
        1,
        2,
        3,
        3,
    ]


def test_weight_decay_is_searched_beside_the_rate():
    """The own one of an optimizer and that of a wrapper."""
    decays = [
        ("adamw", "weight_decay"),
        ("decay(sgd)", "decay_weight"),
        ("decay(torch.optim:SGD)", "decay_weight"),
    ]
    for name, decay in decays:
        points = settings(name)
        assert len({(point["learning_rate"], point[decay]) for point in points}) == 64


def test_no_two_names_share_a_column():
    """Fifteen names beside the learning rate fill all sixteen columns."""
    columns = columns_of(["learning_rate", *(f"name{number}" for number in range(COLUMNS - 1))])
    assert sorted(columns.values()) == list(range(COLUMNS))
    assert columns["learning_rate"] == 0


def test_too_many_names_are_rejected():
    """As of an optimizer in many wrappers; a setting of some of them helps."""
    with pytest.raises(
        UsageError, match=f"takes at most {COLUMNS - 1} hyperparameters beside the learning rate"
    ):
        columns_of(["learning_rate", *(f"name{number}" for number in range(COLUMNS))])


@pytest.mark.parametrize(
    ("domain", "ends"),
    [
        (LogUniform(1e-6, 1e2), (1e-6, 1e2)),
        (Uniform(-1, 3), (-1, 3)),
        (OneMinusLogUniform(1e-3, 0.5), (0.999, 0.5)),
    ],
)
def test_shares_span_the_range(domain, ends):
    """0 and 1 are the ends; a half is the arithmetic or the geometric mean."""
    assert [value_at(domain, share) for share in (0.0, 1.0)] == pytest.approx(ends, rel=1e-9)


def test_values_are_in_the_domain():
    """Each value would also be accepted in a selector."""
    for name in ("momentum", "nesterov", "rmsprop", "adam", "adamw"):
        parameters = CATALOG.parameters(name)
        for point in settings(name):
            assert all(parameters[key].domain.accepts(value) for key, value in point.items())
