"""`benchbed plan`: what a study would cost."""

import benchbed


def test_the_trials_that_are_counted_are_an_upper_bound_of_those_that_run(whole, bench, asked, tmp_path):
    """A tuned rate that equals the default is not run twice; all else is."""
    result = bench(tmp_path, "plan", "--no-time", *asked[1:-2])
    assert result.returncode == 0
    (total,) = [line.split() for line in result.stdout.splitlines() if line.startswith("all ")]
    stored = benchbed.load(whole / "study").trials
    shared = stored.groupby(["problem", "optimizer"])["role"].apply(
        lambda roles: (roles == "evaluation").sum()
    )
    assert int(total[1]) == len(stored) + (4 - shared).sum()


def test_nothing_is_written(bench, tmp_path):
    """A plan, timed or not, costs no disk."""
    result = bench(tmp_path, "plan", "-p", "quadratic", "-o", "gd", "--preset", "quick")
    assert result.returncode == 0, result.stderr
    assert "about " in result.stdout
    assert list(tmp_path.iterdir()) == []
