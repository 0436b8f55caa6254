"""A trial whose point is not finite has diverged, even where its objective hides that."""

from pathlib import Path

import numpy as np
import pytest

import benchbed

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).parent / "plugins" / "lost_points.py"
RULES = ("becomes-nan", "becomes-infinite", "hides-nan", "divides-by-zero")


@pytest.fixture(scope="module", params=["eager", "compiled"])
def trials(request, run_in_process, run_once):
    """Return the trials of a run of all rules by one engine."""

    def fill(folder):
        names = [option for name in RULES for option in ("-o", name)]
        result = run_in_process(
            folder, "run", "--plugin", PLUGIN, "-p", "hinge", *names, "--preset", "quick", "--seeds", "3",
            *("--steps", "100", "--track", "default", "--engine", request.param, "-O", "study"),
        )  # fmt: skip
        assert result.returncode == 0, result.stderr

    return benchbed.load(run_once(f"lost-points-{request.param}", fill) / "study").trials


@pytest.mark.parametrize("name", RULES)
def test_a_lost_point_has_diverged(name, trials):
    """The point is lost at step 4. Before, the objective is θ₁ + θ₂ − 0.02 k; no target is reached afterwards."""
    rows = trials[trials["optimizer"] == name]
    assert len(rows) == 3
    assert set(rows["status"]) == {"diverged"}
    for row in rows.to_dict("records"):
        assert all(calls is None or np.isnan(calls) for calls in row["calls_to_target"])
        steps = row["curve_calls"]
        kept = steps <= 3
        expected = row["curve_objective"][0] - 0.02 * steps[kept]
        np.testing.assert_allclose(row["curve_objective"][kept], expected, rtol=1e-12)
        assert np.isnan(row["curve_objective"][~kept]).all()
