"""A section contains the rows of its problem, of the optimizers in its charts."""

import pandas as pd

from benchbed.reports.page.sections import by_problem


def test_the_frames_of_a_problem_contain_its_rows(results):
    """All of them, in their order; curves belong to the problem of their trial."""
    parts = by_problem(results)
    assert list(parts) == list(results.problems)
    for problem, part in parts.items():
        for name in ("outcomes", "tuning", "summary", "measures", "comparisons", "groups", "best_of_k"):
            frame = getattr(results, name)
            pd.testing.assert_frame_equal(getattr(part, name), frame[frame["problem"] == problem])
        keys = results.outcomes["trial_key"][results.outcomes["problem"] == problem]
        curves = results.curves[results.curves["trial_key"].isin(keys)]
        pd.testing.assert_frame_equal(part.curves.astype({"trial_key": str}), curves)
        assert set(part.curves["trial_key"].cat.categories) == set(keys)


def test_curves_of_other_trials_belong_to_no_problem(results):
    """Such as those of optimizers that are not drawn."""
    limited = results._replace(outcomes=results.outcomes[results.outcomes["optimizer"] == "adam"])
    curves = pd.concat([part.curves for part in by_problem(limited).values()])
    assert set(curves["trial_key"]) == set(limited.outcomes["trial_key"])


def test_tables_of_single_problems_have_the_optimizers_of_the_charts(page_of, make_results):
    """The six others of thirty are in the scores, the statuses and the heatmap; marks are those among all."""
    names = tuple(f"optimizer-{index}" for index in range(30))
    page = page_of(make_results(optimizers=names, problems=("a", "b"), tracks=("tuned",), seeds=1))
    rows = [attributes["data-o"] for attributes, _ in page.find("tr") if "data-o" in attributes]
    counts = pd.Series([row for row in rows if " " not in row]).value_counts()
    legend = {attributes["data-legend"] for attributes, _ in page.find("button", aria_pressed="true")}
    assert len(legend) == 24
    others = set(counts.index) - legend
    assert len(others) == 6
    assert set(counts[list(others)]) == {3}
    assert (counts[list(legend)] >= 3 + 2 * 3).all()
    assert "24 best of 30 optimizers" in page.text
