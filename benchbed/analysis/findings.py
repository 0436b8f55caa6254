"""Comparisons of a study in words (protocol, rule 11)."""

import math
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from benchbed.analysis.aggregate import NO_MEAN_TRACK
from benchbed.analysis.intervals import TIE
from benchbed.analysis.pairwise_tests import SIGNIFICANT
from benchbed.analysis.table_entries import TableEntry, overall_entries, problem_entries
from benchbed.formatting import fixed, plural
from benchbed.interfaces import ALL_PROBLEMS, Exclusion, Results, TrialStatus
from benchbed.interfaces.results import group_table

_NAMED = 4
"""Optimizers that a sentence names; the others of a longer list are counted."""


class Finding(NamedTuple):
    """The result of one table."""

    problem: str
    """`ALL_PROBLEMS` or a `group_table` for a mean, which a study of a single problem does not have."""
    track: str
    heading: str
    clauses: tuple[str, ...]
    """The leader first, then the others."""
    influences: tuple[str, ...] = ()
    """Of a mean: which problem decides it."""

    @property
    def sentence(self) -> str:
        """The finding in one sentence."""
        lead, *rest = self.clauses
        return f"{self.heading}: {'; '.join([lead, *self.influences, *rest])}."


def findings(results: Results) -> list[Finding]:
    """Return one sentence a table: of each group, of the means over all problems, then of every problem and track."""
    summary, facts = results.summary, results.problems
    problems, tracks = (list(dict.fromkeys(summary[name])) for name in ("problem", "track"))
    groups = Counter(facts[problem].group for problem in problems)
    tables = {problem: str(problem) for problem in problems}
    if len(problems) > 1:
        tables = {ALL_PROBLEMS: f"mean over {len(problems)} problems"} | tables
    if len(groups) > 1:
        titles = {
            group_table(name): f"group {name}, {plural(count, 'problem')}" for name, count in groups.items()
        }
        tables = titles | tables
    sentences = []
    for table, (title, track) in ((t, (tables[t], track)) for t in tables for track in tracks):
        rows = summary[summary["track"] == track]
        heading = f"{title}, {track} track" if table in facts else f"{track} track, {title}"
        if table in facts:
            entries = problem_entries(rows[rows["problem"] == table])
        elif track == NO_MEAN_TRACK:
            continue
        else:
            group = next((name for name in groups if group_table(name) == table), ALL_PROBLEMS)
            of_table = [problem for problem in problems if group in (ALL_PROBLEMS, facts[problem].group)]
            overall = results.overall[
                (results.overall["track"] == track) & (results.overall["group"] == group)
            ]
            entries = overall_entries(rows[rows["problem"].isin(of_table)], overall)
        pairs, ranks = (
            frame[(frame["problem"] == table) & (frame["track"] == track)]
            for frame in (results.comparisons, results.groups)
        )
        has_scores = any(not math.isnan(entry.score) for entry in entries.values())
        if table in facts and len(ranks) and not has_scores:  # only final objectives have ranks then
            clauses = _clauses_on_objectives(entries, ranks, pairs)
        elif entries:
            clauses = _clauses(entries, ranks, pairs)
        else:
            continue
        influences = (
            _influences(results.influence[results.influence["track"] == track], ranks)
            if table == ALL_PROBLEMS
            else []
        )
        sentences.append(Finding(table, track, heading, tuple(clauses), tuple(influences)))
    return sentences


def _influences(influence: pd.DataFrame, ranks: pd.DataFrame) -> list[str]:
    """Return which problem decides a mean over problems, and without which one a significant lead changes."""
    if influence.empty or influence["share"].isna().all() or ranks.empty:
        return []
    shares = influence.set_index("problem")["share"].astype(float)
    share = f"{100 * shares.max():.0f}%" if shares.max() <= 1 else "all"
    clauses = [f"{shares.idxmax()} carries {share} of the variance among optimizers"]
    if shares.max() > 1:
        clauses[0] += ", and the other problems reduce it"
    leader, *followers = ranks["optimizer"][ranks["group"] == 1]
    if followers:
        return clauses
    for problem, leaders in zip(influence["problem"], influence["leaders"], strict=True):
        if leaders and leaders[0] != leader:
            clauses.append(
                f"the lead of {leader} is that of {problem}: without it {leaders[0]} has the highest score"
            )
    return clauses


def endings(summary: pd.DataFrame) -> str:
    """Count the statuses of the evaluation trials of all rows, most frequent first."""
    statuses = [status.value for status in TrialStatus]
    counts = summary[statuses].sum().sort_values(ascending=False, kind="stable")
    phrases = [f"{count} {str(status).replace('_', ' ')}" for status, count in counts.items() if count]
    total = f"{int(summary['trials'].sum())} evaluation trials in {len(summary)} rows"
    return f"{total}: {', '.join(phrases)}." if phrases else f"{total}."


def _clauses(entries: dict[str, TableEntry], groups: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    """Return the clauses of the sentence on one table."""
    compared = list(groups["optimizer"])
    excluded: dict[str, list[str]] = {}
    for name, entry in entries.items():
        if name not in set(compared):
            excluded.setdefault(entry.exclusion or Exclusion.OTHER_SEEDS.value, []).append(name)
    not_compared = [f"not compared: {_list(names)} ({reason})" for reason, names in excluded.items()]
    if not compared:
        return ["there is nothing to compare", *not_compared]
    leader = compared[0]
    leader_score = _format_score(entries[leader])
    if len(compared) == 1:
        return [f"there is nothing to compare {leader} with (score {leader_score})", *not_compared]
    with_leader = pairs[(pairs["first"] == leader) | (pairs["second"] == leader)]
    follower = with_leader["first"].where(with_leader["first"] != leader, with_leader["second"])
    with_leader = with_leader.set_index(follower)
    if not (with_leader["p_value"].notna() | with_leader["is_exact"]).any():
        return [
            f"a single seed cannot show a difference (highest score: {leader}, {leader_score})",
            *not_compared,
        ]
    if entries[leader].score <= 0:
        return ["no optimizer reached a target within the budget", *not_compared]
    first_group = list(groups["optimizer"][groups["group"] == 1])
    return [*_ranked(entries, first_group, with_leader), *not_compared]


def _clauses_on_objectives(
    entries: dict[str, TableEntry], groups: pd.DataFrame, pairs: pd.DataFrame
) -> list[str]:
    """Return the clauses of the sentence on a problem without scores, whose final objectives are compared."""
    compared = list(groups["optimizer"])
    missing = [name for name in entries if name not in compared]
    reason = Exclusion.NO_OBJECTIVE.value
    not_compared = [f"not compared: {_list(missing)} ({reason})"] if missing else []
    if len(compared) == 1:
        return [f"there is nothing to compare {compared[0]} with (no score)", *not_compared]
    if not (pairs["p_value"].notna() | pairs["is_exact"]).any():
        clause = f"a single seed cannot show a difference (lowest final objective: {compared[0]})"
        return [clause, *not_compared]
    first, *rest = groups.groupby("group", sort=True)["optimizer"].agg(list)
    clauses = [f"{first[0]} has the lowest mean of the final objective; there is no score"]
    if first[1:]:
        clauses.append(f"not significantly different, which does not prove equality: {_list(first[1:])}")
    with_leader = pairs[(pairs["first"] == first[0]) | (pairs["second"] == first[0])]
    higher = with_leader[with_leader["is_apart"].astype(bool)]
    if rest:
        names = _list(name for group in rest for name in group)
        largest = higher["adjusted_p"].astype(float).max()
        evidence = "" if math.isnan(largest) else f" (largest adjusted p {format_p(float(largest))})"
        clauses.append(f"significantly higher: {names}{evidence}")
    return [*clauses, *not_compared]


def _ranked(entries: dict[str, TableEntry], first_group: list[str], pairs: pd.DataFrame) -> list[str]:
    """Return which score is highest, which do not differ significantly from it, and which are significantly lower."""
    leader, *followers = first_group
    differences = pairs["difference"].astype(float)
    tied = [name for name in followers if abs(differences[name]) < TIE]
    close = [
        f"{name} ({', '.join(filter(None, [f'{entries[name].score:.3f}', entries[name].caution]))})"
        for name in followers
        if name not in tied
    ]
    lower = pairs[pairs["is_apart"].astype(bool)]
    tested = lower["adjusted_p"][lower["p_value"].notna()]
    p_values = pairs["adjusted_p"].dropna()
    verb, caution = "have" if tied else "has", entries[leader].caution
    clauses = [f"{_list([leader, *tied])} {verb} the highest score, {_format_score(entries[leader])}"]
    if caution:
        clauses[0] += f", {caution}"
    if close:
        clauses.append(f"not significantly different, which does not prove equality: {_list(close)}")
    if close and lower.empty and len(p_values):  # the strongest evidence of a difference
        smallest = format_p(float(p_values.min()))
        several = f", smallest adjusted p {smallest} ({p_values.idxmin()})"
        clauses[-1] += f", adjusted p {smallest}" if len(p_values) == 1 else several
    names = _list(map(str, lower.index))
    if len(tested):  # the weakest evidence of a difference
        largest = format_p(float(tested.max()))
        evidence = (
            f"adjusted p {largest}" if len(lower) == 1 else f"largest adjusted p {largest}, {tested.idxmax()}"
        )
        clauses.append(f"significantly lower: {names} ({evidence})")
    elif names:
        clauses.append(f"lower, compared without a test since nothing in them is random: {names}")
    return clauses


def _list(names: Iterable[str]) -> str:
    """Join names, or the first of them and the number of the others."""
    items = list(names)
    if len(items) > _NAMED:
        items = [*items[: _NAMED - 1], f"{len(items) - _NAMED + 1} more"]
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def _format_score(entry: TableEntry) -> str:
    if math.isnan(entry.low) or math.isnan(entry.high):
        return f"{entry.score:.3f}"
    indicative = " (indicative interval)" if entry.is_indicative else ""
    return f"{entry.score:.3f} [{fixed(entry.low)}, {fixed(entry.high)}]{indicative}"


def format_p(value: float) -> str:
    """Format a p value with its relation sign; rounding never moves it to or across the significance level."""
    if f"{value:.2g}" == f"{SIGNIFICANT:.2g}":
        return f"{'<' if value < SIGNIFICANT else '>='} {SIGNIFICANT:.2g}"
    return "< 0.001" if value < 0.001 else f"= {value:.2g}"
