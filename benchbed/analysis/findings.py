"""Say in words what a study's comparisons show, and no more than that (protocol, rule 11)."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pandas as pd

from benchbed.analysis.aggregate import has_note
from benchbed.analysis.intervals import TIE
from benchbed.analysis.pairwise_tests import SIGNIFICANT
from benchbed.interfaces import ALL_PROBLEMS, Exclusion, Note, RowNote, TrialStatus
from benchbed.interfaces.notes import describe_missing_score, describe_note

_NAMED = 4
"""Optimizers that a sentence names; a longer list is counted."""
_EDGES = (Note.BEST_AT_LOWER_EDGE, Note.BEST_AT_UPPER_EDGE)
_LIMITS = ["score", "score_low", "score_high"]


class Finding(NamedTuple):
    """What one table shows."""

    problem: str
    """Empty for the mean over all problems, of which a study of a single problem has none."""
    track: str
    sentence: str


class Row(NamedTuple):
    """What a sentence needs to know of an optimizer in one table."""

    score: float
    low: float
    high: float
    is_indicative: bool
    reason: str
    """Why it is not compared; empty where the number of its seeds alone may be the reason."""
    caution: str = ""


def findings(
    summary: pd.DataFrame, overall: pd.DataFrame, comparisons: pd.DataFrame, groups: pd.DataFrame
) -> list[Finding]:
    """Give one sentence a table: the means over all problems first, then every problem, each track by itself."""
    problems, tracks = (list(dict.fromkeys(summary[name])) for name in ("problem", "track"))
    tables = [(problem, track) for problem in problems for track in tracks]
    if len(problems) > 1:
        tables = [*((ALL_PROBLEMS, track) for track in tracks), *tables]
    found = []
    for problem, track in tables:
        rows = (
            _overall_rows(summary, overall, track)
            if problem == ALL_PROBLEMS
            else _rows(summary, problem, track)
        )
        title = (
            f"{problem}, {track} track" if problem else f"{track} track, mean over {len(problems)} problems"
        )
        told = _tell(rows, _of(groups, problem, track), _of(comparisons, problem, track))
        if rows:
            found.append(Finding(problem, track, f"{title}: {told}."))
    return found


def endings(summary: pd.DataFrame) -> str:
    """Count how the evaluation trials of all rows ended, most frequent first."""
    counts = (
        summary[[status.value for status in TrialStatus]].sum().sort_values(ascending=False, kind="stable")
    )
    words = [f"{count} {str(status).replace('_', ' ')}" for status, count in counts.items() if count]
    total = f"{int(summary['trials'].sum())} evaluation trials in {len(summary)} rows"
    return f"{total}: {', '.join(words)}." if words else f"{total}."


def _of(frame: pd.DataFrame, problem: str, track: str) -> pd.DataFrame:
    return frame[(frame["problem"] == problem) & (frame["track"] == track)]


def _rows(summary: pd.DataFrame, problem: str, track: str) -> dict[str, Row]:
    columns = ["optimizer", *_LIMITS, "skipped", "notes"]
    return {
        str(name): _row((score, low, high), bool(skipped), notes)
        for name, score, low, high, skipped, notes in _of(summary, problem, track)[columns].itertuples(
            index=False
        )
    }


def _row(limits: tuple[float, float, float], is_skipped: bool, notes: Sequence[RowNote]) -> Row:
    reasons = {
        Exclusion.EXACT_ORACLE: Note.EXACT_ORACLE in notes,
        Exclusion.SKIPPED: is_skipped,
        Exclusion.NO_SCORE: math.isnan(limits[0]),
    }
    reason = next((reason.value for reason, applies in reasons.items() if applies), "")
    caution = next((f"its {describe_note(note)}" for note in _EDGES if note in notes), "")
    return Row(*limits, Note.INDICATIVE_INTERVAL in notes, reason, caution)


def _overall_rows(summary: pd.DataFrame, overall: pd.DataFrame, track: str) -> dict[str, Row]:
    # A trial that does not depend on its seed has no spread, and so no say in the interval of the mean.
    several = summary[(summary["track"] == track) & (summary["trials"] > 1)]
    hinted = set(several["optimizer"][has_note(several, Note.INDICATIVE_INTERVAL)])
    rows = overall[overall["track"] == track][["optimizer", *_LIMITS, "reason"]]
    return {
        str(name): Row(score, low, high, name in hinted, describe_missing_score(reason))
        for name, score, low, high, reason in rows.itertuples(index=False)
    }


def _tell(rows: dict[str, Row], grouped: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """Give what one table shows, without its title."""
    compared = list(grouped["optimizer"])
    left_out = _left_out({name: row for name, row in rows.items() if name not in set(compared)})
    if not compared:
        return "; ".join(["nothing can be told", *left_out])
    leader = compared[0]
    if len(compared) == 1:
        alone = f"nothing can be told, for only {leader} is compared ({_score(rows[leader])})"
        return "; ".join([alone, *left_out])
    of_leader = _seen_from(leader, pairs)
    if not (of_leader["p_value"].notna() | of_leader["is_exact"]).any():
        return "; ".join(
            [f"nothing can be told from a single seed (highest: {leader}, {_score(rows[leader])})", *left_out]
        )
    if rows[leader].score <= 0:
        return "; ".join(
            ["nobody leads, for nobody has reached a target before the budget was spent", *left_out]
        )
    first = list(grouped["optimizer"][grouped["group"] == 1])
    return "; ".join([*_leading(rows, first, of_leader), *_told_apart(of_leader), *left_out])


def _seen_from(leader: str, pairs: pd.DataFrame) -> pd.DataFrame:
    """Give the pairs of the leader, indexed by the other one."""
    own = pairs[(pairs["first"] == leader) | (pairs["second"] == leader)]
    return own.assign(other=own["first"].where(own["first"] != leader, own["second"])).set_index("other")


def _leading(rows: dict[str, Row], first: list[str], pairs: pd.DataFrame) -> list[str]:
    leader = first[0]
    differences = pairs["difference"].astype(float)
    tied = [name for name in first[1:] if abs(differences[name]) < TIE]
    close = [f"{name} ({rows[name].score:.3f})" for name in first[1:] if name not in tied]
    caution = f", {rows[leader].caution}" if rows[leader].caution else ""
    who, score = _listed([leader, *tied]), f"{_score(rows[leader])}{caution}"
    if not close:
        leads = "lead together, with the same" if tied else "leads alone, with a"
        return [f"{who} {leads} score of {score}"]
    highest = f"{who} {'have' if tied else 'has'} the highest score, {score}"
    return [highest, f"not told apart from it, which does not prove them equal: {_listed(close)}"]


def _told_apart(pairs: pd.DataFrame) -> list[str]:
    """Name the evidence: the weakest against those that are told apart, or the strongest where nobody is."""
    apart = pairs[pairs["is_apart"].astype(bool)]
    tested = apart["adjusted_p"][apart["p_value"].notna()]
    if not len(apart):
        p = pairs["adjusted_p"].dropna()
        evidence = f" (smallest adjusted p {_probability(float(p.min()))}, {p.idxmin()})" if len(p) else ""
        return [f"nobody is told apart from it{evidence}"]
    who = str(apart.index[0]) if len(apart) == 1 else f"{len(apart)} others"
    if not len(tested):
        return [f"behind, and told apart: {who}, compared directly, for nothing in them is random"]
    shown = _probability(float(tested.max()))
    evidence = f"adjusted p {shown}" if len(apart) == 1 else f"largest adjusted p {shown}, {tested.idxmax()}"
    return [f"behind, and told apart: {who} ({evidence})"]


def _left_out(rows: dict[str, Row]) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for name, row in rows.items():
        reasons.setdefault(row.reason or Exclusion.OTHER_SEEDS.value, []).append(name)
    return [f"not compared: {_listed(names)} ({reason})" for reason, names in reasons.items()]


def _listed(names: Iterable[str]) -> str:
    """Join some names, or as many as a sentence bears and the number of the others."""
    shown = list(names)
    if len(shown) > _NAMED:
        shown = [*shown[: _NAMED - 1], f"{len(shown) - _NAMED + 1} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _score(row: Row) -> str:
    if math.isnan(row.low) or math.isnan(row.high):
        return f"{row.score:.3f}"
    return f"{row.score:.3f} [{row.low:.2f}, {row.high:.2f}]{', indicative' if row.is_indicative else ''}"


def _probability(value: float) -> str:
    """Word a p value, so that rounding never takes it to the limit or across."""
    if f"{value:.2g}" == f"{SIGNIFICANT:.2g}":
        return f"{'<' if value < SIGNIFICANT else '>='} {SIGNIFICANT:.2g}"
    return "< 0.001" if value < 0.001 else f"= {value:.2g}"
