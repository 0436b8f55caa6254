"""The report `page`: one offline page with the conclusion, tables, charts and trials of a study."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import jinja2
from matplotlib.colors import to_hex

from benchbed.analysis.findings import Finding, endings, findings
from benchbed.formatting import plural, printable
from benchbed.interfaces import ALL_PROBLEMS, Results
from benchbed.plotting.style import LineStyle, line_styles
from benchbed.reports.page.charts import HEIGHT, WIDTH
from benchbed.reports.page.comparisons import mean_comparisons
from benchbed.reports.page.pairings import pairing_anchors
from benchbed.reports.page.reference_lines import COLOR, reference_numbers
from benchbed.reports.page.reference_rows import describe_references, positions_among_references
from benchbed.reports.page.score_charts import mean_target_charts
from benchbed.reports.page.sections import problem_sections
from benchbed.reports.page.tables import PageTable, heatmaps, score_table, status_table
from benchbed.reports.ranking import limit_optimizers

_FOLDER = Path(__file__).parent
_MOST_FINDINGS = 8
"""Findings on single problems at the top of a page without a mean over problems."""
_THIN_SPACE = "\N{THIN SPACE}"


class LegendEntry(NamedTuple):
    """An optimizer, and the style of its lines; without a style if no chart contains it."""

    number: int
    name: str
    color: str = ""
    dashes: str = ""
    is_reference: bool = False


class Changes(NamedTuple):
    """The changes between two studies, of which the page shows the second."""

    conclusions: Sequence[tuple[str, str]]
    """Pairs of a leading sentence and the rest."""
    table: PageTable
    notes: Sequence[str]
    """Sentences below the table."""


def pieces(results: Results) -> list[str]:
    """Return the single piece, if the study has rows."""
    return [ALL_PROBLEMS] if len(results.summary) else []


def draw(results: Results, name: str) -> dict[str, bytes]:
    """Return `index.html`."""
    return {"index.html": render(results)}


def render(results: Results, changes: Changes | None = None) -> bytes:
    """Return the page of a study, or with `changes` the page of its comparison with another one."""
    limited, note = _charted(results)
    every = {optimizer: number for number, optimizer in enumerate(results.optimizers)}
    numbers = {optimizer: every[optimizer] for optimizer in limited.optimizers}
    anchors = pairing_anchors(limited, numbers)
    legend = _legend(results, limited, every)
    sentences = findings(results)
    tracks = list(dict.fromkeys(results.summary["track"]))  # an interrupted study has no rows of later ones
    main_track = "tuned" if "tuned" in tracks else tracks[-1]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(visible=_visible, segments=re.compile(r"(?<=[,:_=-])|(?=\[)").split)
    style = environment.get_template("page.css").render(legend=legend, shades=range(11))
    script = "".join((_FOLDER / name).read_text(encoding="utf-8") for name in ("axes.js", "page.js"))
    page = environment.get_template("page.html").render(
        provenance=results.provenance,
        share=results.share,
        style=style,
        script=script,
        policy=f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'",
        width=WIDTH,
        height=HEIGHT,
        legend=legend,
        note=note,
        main_track=main_track,
        tracks=tracks,
        conclusions=changes.conclusions if changes else conclusions(results, sentences),
        changes=changes,
        positions=[] if changes else positions_among_references(results),
        single_findings=[
            f.sentence for f in sentences if f.track == main_track and f.problem in results.problems
        ][:_MOST_FINDINGS],
        findings=[f.sentence for f in sentences if f.problem not in results.problems],
        endings=endings(results.summary),
        counts=f"{plural(len(results.optimizers), 'optimizer')} on {plural(len(results.problems), 'problem')}",
        is_scored=any(facts.is_scored for facts in results.problems.values()),
        scores=score_table(results, every | reference_numbers(results)),
        references=describe_references(results),
        statuses=status_table(results, every),
        heatmaps=heatmaps(results, anchors),
        optimizers=results.optimizers,
        overall=mean_target_charts(limited, numbers),
        comparisons=mean_comparisons(limited, numbers),
        problems=problem_sections(results, limited, sentences, anchors),
        are_all_detailed=len(anchors) == len(results.summary.groupby(["problem", "optimizer"])),
    )
    return page.encode("utf-8", "backslashreplace")


def _charted(results: Results) -> tuple[Results, str]:
    """Return the results of the optimizers in charts and tables of single problems, and a note if they are not all."""
    limited, _ = limit_optimizers(results)
    if limited is results:
        return results, ""
    pairs = results.comparisons
    is_shown = pairs["first"].isin(limited.optimizers) & pairs["second"].isin(limited.optimizers)
    return limited._replace(comparisons=pairs[is_shown]), (
        f"Charts, and tables of single problems and of comparisons, contain the {len(limited.optimizers)} best of "
        f"{len(results.optimizers)} optimizers by mean score; the scores, the statuses and the heatmap contain all."
    )


def _digest(text: str) -> str:
    """Return the source expression of a content security policy that permits this text alone."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _legend(results: Results, limited: Results, numbers: Mapping[str, int]) -> list[LegendEntry]:
    references = reference_numbers(results)
    entries = [
        LegendEntry(numbers[optimizer], optimizer, to_hex(style.color), _dashes(style))
        for optimizer, style in line_styles(limited.optimizers).items()
    ]
    return entries + [
        LegendEntry(references[label], label, COLOR, _dashes(style), is_reference=True)
        for label, style in line_styles([*references]).items()
    ]


def _dashes(style: LineStyle) -> str:
    """Return the dashes of a line as `stroke-dasharray`."""
    return " ".join(f"{length:g}" for length in style.dashes[1]) or "none"


def conclusions(results: Results, sentences: list[Finding]) -> list[tuple[str, str]]:
    """Return two sentences for each track: on the mean over all problems, or else on the only problem."""
    means = results.overall[(results.overall["group"] == ALL_PROBLEMS) & results.overall["score"].notna()]
    scored = set(means["track"])
    main = [finding for finding in sentences if finding.problem == ALL_PROBLEMS and finding.track in scored]
    if not main:
        main = [finding for finding in sentences if finding.problem in results.problems]
        main = main[-1:] if len(results.problems) == 1 else []
    conclusions = []
    for finding in main:
        lead, *others = finding.clauses
        heading = finding.heading if finding.problem else _capitalized(finding.heading)
        others = [*others, *finding.influences]
        conclusions.append((f"{heading}: {lead}.", f"{_capitalized('; '.join(others))}." if others else ""))
    return conclusions


def _visible(text: str) -> str:
    """Return text with control, direction and other invisible characters escaped, except spaces within numbers."""
    return _THIN_SPACE.join(map(printable, text.split(_THIN_SPACE)))


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]
