"""The cost of tuning is that of the trials that chose the setting."""

from benchbed.reports.page.tuning import tuning_table


def texts(results, problem="quadratic"):
    """Return the cells of each row by optimizer."""
    numbers = {optimizer: index for index, optimizer in enumerate(results.optimizers)}
    table = tuning_table(results, problem, numbers)
    return {row.cells[0].text: [cell.text for cell in row.cells[1:]] for row in table.rows}


def test_the_cost_is_that_of_the_tuning_trials(results):
    """Three seeds at each of 13 rates with 1 000 calls, or 100 until it diverges: above 10^-0.5, 5 rates of gd."""
    rows = texts(results)
    assert list(rows) == list(results.optimizers)
    assert rows["gd"] == ["tuned", "13", "39", "25\N{THIN SPACE}500", "25.5", "38.5%"]


def test_a_trial_for_all_seeds_counts_once(results):
    """Those of a deterministic problem."""
    shared = results.tuning.assign(trial_key=results.tuning["trial_key"].str.rpartition("/")[0], seed=0)
    assert texts(results._replace(tuning=shared))["gd"][1:3] == ["13", "13"]


def test_the_track_searched_has_its_number_of_settings(results):
    """Its trials are not among those of the tuned rates."""
    summary = results.summary.assign(track=results.summary["track"].replace("tuned", "searched"))
    assert texts(results._replace(summary=summary))["gd"] == ["searched", "13", "–", "–", "–", "–"]


def test_without_tuning_there_is_no_table(make_results):
    """The track default takes the settings as they are."""
    results = make_results(optimizers=("gd",), problems=("quadratic",), tracks=("default",), seeds=1)
    assert tuning_table(results, "quadratic", {"gd": 0}) is None
