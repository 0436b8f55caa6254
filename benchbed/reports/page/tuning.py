"""The table of the cost of tuning: settings, trials and calls that the choice of a setting took."""

from collections.abc import Mapping

from benchbed.formatting import count, percentage, short
from benchbed.interfaces import LOST_STATUSES, Results
from benchbed.reports.page.tables import PageCell, PageRow, PageTable, text_cells

_HEADERS = [
    "optimizer",
    "track",
    "settings tried",
    "tuning trials",
    "calls",
    "calls / budget",
    "diverged or failed",
]


def tuning_table(results: Results, problem: str, numbers: Mapping[str, int]) -> PageTable | None:
    """Build the table of one problem; None if no setting was chosen there.

    The trials of the track searched are not in the frame `tuning`: only its number of settings is known.
    """
    rows = results.summary[results.summary["problem"] == problem]
    rows = rows[(rows["settings_tried"] > 1) & rows["optimizer"].isin(list(numbers))]
    if rows.empty:
        return None
    # A trial that depends on no seed represents all of them.
    trials = results.tuning[results.tuning["problem"] == problem].drop_duplicates("trial_key")
    is_lost = trials["status"].isin(LOST_STATUSES)
    costs = trials.assign(is_lost=is_lost).groupby("optimizer", sort=False)
    totals = costs.agg(
        trials=("trial_key", "size"), calls=("calls", "sum"), lost=("is_lost", "mean")
    ).to_dict("index")
    table = []
    for row in rows.to_dict("records"):
        optimizer, track = str(row["optimizer"]), str(row["track"])
        texts = ["–"] * 4
        if track == "tuned" and (total := totals.get(optimizer)):
            budgets = total["calls"] / results.problems[problem].budget
            texts = [str(total["trials"]), count(total["calls"]), short(budgets), percentage(total["lost"])]
        cells = [*text_cells(optimizer, track), *map(PageCell, (str(row["settings_tried"]), *texts))]
        table.append(PageRow(str(numbers[optimizer]), track, cells))
    return PageTable("Cost of tuning", _HEADERS, table)
