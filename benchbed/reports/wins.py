"""Win matrix: how often, and by how much, each optimizer beats each other one (protocol, rule 11)."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from benchbed.formatting import fixed
from benchbed.interfaces import ALL_PROBLEMS, Results
from benchbed.plotting.figure import WIDTH, save_figure
from benchbed.plotting.style import theme, wrap_label
from benchbed.reports.captions import under_wins
from benchbed.reports.ranking import limit_optimizers, main_table

_LABEL = 24  # characters in a line of a label


def pieces(results: Results) -> list[str]:
    """Return the table of pairs, over all problems or of the only one, if any two optimizers are compared."""
    return [main_table(results)] if len(_pairs(results)) else []


def draw(results: Results, table: str) -> dict[str, bytes]:
    """Draw `plots/wins.png` and `.svg`, a panel a track."""
    results, note = limit_optimizers(results)
    pairs = _pairs(results)
    tracks = {track: rows for track in results.tracks if len(rows := pairs[pairs["track"] == track])}
    names = {
        track: [name for name in results.optimizers if name in {*rows["first"], *rows["second"]}]
        for track, rows in tracks.items()
    }
    with theme("wins"):
        cells = max(map(len, names.values()))
        labels = {name: wrap_label(name, _LABEL) for of_track in names.values() for name in of_track}
        margin = 0.3 + 0.08 * max(len(line) for label in labels.values() for line in label.split("\n"))
        size = min(max(0.58, 3.2 / cells), max(0.36, (WIDTH - margin) / cells))  # of a cell, in inches
        width, height = max(cells * size + margin + 0.3, 5.5), cells * size + margin + 0.4
        figure = Figure(figsize=(width, height * len(tracks)), layout="constrained")
        panels = figure.subplots(len(tracks), 1, squeeze=False)[:, 0]
        for axes, (track, rows) in zip(panels, tracks.items(), strict=True):
            shares, differences = win_matrix(rows, names[track])
            sns.heatmap(
                shares, annot=differences, fmt="", cmap="RdBu", vmin=0, vmax=1, square=True, linewidths=1, cbar=False,
                xticklabels=False, yticklabels=False, annot_kws={"fontsize": 7 if size > 0.5 else 5}, ax=axes,
            )  # fmt: skip
            axes.grid(visible=False)
            ticks = [labels[name] for name in names[track]]
            label_size = 9 if size > 0.5 else 6
            axes.set_xticks(np.arange(len(ticks)) + 0.5, ticks, rotation=90, fontsize=label_size)
            axes.set_yticks(np.arange(len(ticks)) + 0.5, ticks, fontsize=label_size)
            axes.set_title(wrap_label(f"{table or 'all problems'}, {track} track", 60))
        problems = len(set(results.summary["problem"])) if table == ALL_PROBLEMS else 1
        return save_figure(figure, "wins", under_wins(results, problems, pairs), note)


def win_matrix(pairs: pd.DataFrame, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return win shares and the text of each cell, `[optimizers, optimizers]`; the diagonal is NaN and empty.

    A text is the win share and, below it, the difference of the mean scores, with a star if it is significant.
    """
    mirrored = pairs.rename(columns={"first": "second", "second": "first"})
    mirrored = mirrored.assign(win_share=1 - pairs["win_share"], difference=-pairs["difference"])
    cells = pd.concat([pairs, mirrored])
    texts = []
    for share, difference, is_significant in cells[["win_share", "difference", "is_apart"]].itertuples(
        index=False
    ):
        number = fixed(difference, 3)
        sign, star = "+" if float(number) > 0 else "", "*" if is_significant else ""
        texts.append(f"{share:.2f}\n{sign}{number}{star}".replace("-", "−"))
    cells["text"] = texts
    shares, labels = (
        cells.pivot(index="first", columns="second", values=value).reindex(index=names, columns=names)
        for value in ("win_share", "text")
    )
    return shares.to_numpy(dtype=float), labels.astype(object).fillna("").to_numpy()


def _pairs(results: Results) -> pd.DataFrame:
    pairs = results.comparisons[results.comparisons["measure"] == "score"]
    pairs = pairs[pairs["problem"] == main_table(results)]
    return pairs[pairs["first"].isin(results.optimizers) & pairs["second"].isin(results.optimizers)]
