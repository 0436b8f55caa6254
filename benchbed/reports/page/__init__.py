"""The report `page`: one offline page with the conclusion, tables, charts and trials of a study."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from matplotlib.colors import to_hex

from benchbed.analysis.findings import Finding, endings, findings
from benchbed.formatting import plural, printable
from benchbed.interfaces import ALL_PROBLEMS, Results
from benchbed.interfaces.results import group_table
from benchbed.plotting.style import line_styles
from benchbed.reports.page.charts import HEIGHT, WIDTH, Chart
from benchbed.reports.page.pairings import PairingDetails, pairing_anchors, pairings_of
from benchbed.reports.page.problem_charts import charts_of
from benchbed.reports.page.reference_lines import COLOR, reference_dashes, reference_numbers
from benchbed.reports.page.reference_rows import (
    add_rows,
    describe_references,
    positions_among_references,
    problem_rows,
)  # fmt: skip
from benchbed.reports.page.score_charts import mean_target_charts
from benchbed.reports.page.tables import (
    PageTable,
    comparison_table,
    heatmaps,
    metric_table,
    page_table,
    score_table,
    status_table,
)  # fmt: skip
from benchbed.reports.page.tuning import tuning_table
from benchbed.reports.ranking import limit_optimizers
from benchbed.reports.tables.secondary import secondary_table
from benchbed.reports.tables.summary import summary_tables

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


class ProblemSection(NamedTuple):
    """Charts, tables and pairings of a problem."""

    anchor: str
    name: str
    title: str
    sentences: list[tuple[str, str]]
    """A finding of each track."""
    charts: list[Chart]
    tables: list[PageTable]
    pairings: list[PairingDetails]


def pieces(results: Results) -> list[str]:
    """Return the single piece, if the study has rows."""
    return [ALL_PROBLEMS] if len(results.summary) else []


def draw(results: Results, name: str) -> dict[str, bytes]:
    """Return `index.html`."""
    return {"index.html": render(results)}


def render(results: Results, changes: Changes | None = None) -> bytes:
    """Return the page of a study, or with `changes` the page of its comparison with another one."""
    limited, note = limit_optimizers(results)
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
    environment.filters["visible"] = _visible
    environment.filters["segments"] = re.compile(r"(?<=[,:_=-])|(?=\[)").split
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
        scores=score_table(results, every | reference_numbers(results)),
        references=describe_references(results),
        statuses=status_table(results, every),
        heatmaps=heatmaps(results, anchors),
        optimizers=results.optimizers,
        overall=mean_target_charts(limited, numbers),
        comparisons=_mean_comparisons(results, numbers),
        problems=_problem_sections(results, limited, numbers, sentences, anchors),
        are_all_detailed=len(anchors) == len(results.summary.groupby(["problem", "optimizer"])),
    )
    return page.encode("utf-8", "backslashreplace")


def _digest(text: str) -> str:
    """Return the source expression of a content security policy that permits this text alone."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _legend(results: Results, limited: Results, numbers: Mapping[str, int]) -> list[LegendEntry]:
    styles = line_styles(limited.optimizers)
    entries = []
    for optimizer in results.optimizers:
        number, style = numbers[optimizer], styles.get(optimizer)
        if style is not None:
            dashes = " ".join(f"{length:g}" for length in style.dashes[1]) or "none"
            entries.append(LegendEntry(number, optimizer, to_hex(style.color), dashes))
    dashes_of = reference_dashes(results)
    return entries + [
        LegendEntry(number, label, COLOR, dashes_of[label], is_reference=True)
        for label, number in reference_numbers(results).items()
    ]


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


def _mean_comparisons(results: Results, numbers: Mapping[str, int]) -> list[tuple[str, PageTable]]:
    """Return title and pairs of the means over all problems, and over those of each group."""
    groups = dict.fromkeys(facts.group for facts in results.problems.values())
    titles = {ALL_PROBLEMS: "all problems"} | {group_table(group): f"group {group}" for group in groups}
    tables = {title: comparison_table(results, problem, numbers) for problem, title in titles.items()}
    return [(title, table) for title, table in tables.items() if table is not None]


def _visible(text: str) -> str:
    """Return text with control, direction and other invisible characters escaped, except spaces within numbers."""
    return _THIN_SPACE.join(map(printable, text.split(_THIN_SPACE)))


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _problem_sections(
    results: Results,
    limited: Results,
    numbers: Mapping[str, int],
    sentences: list[Finding],
    anchors: Mapping[tuple[str, str], str],
) -> list[ProblemSection]:
    every = {optimizer: number for number, optimizer in enumerate(results.optimizers)}
    rows_of_references = problem_rows(results)
    sections = []
    for index, table in enumerate(summary_tables(results)):
        problem = table.problem
        measures = results.measures[results.measures["problem"] == problem]
        secondary = secondary_table(measures, "Secondary metrics", results.problems[problem].has_optimum)
        optional: list[Any] = [
            metric_table(results, problem, every),
            tuning_table(results, problem, every),
            comparison_table(results, problem, numbers),
        ]
        sections.append(
            ProblemSection(
                f"p{index}",
                problem,
                table.title.removeprefix(f"{problem}: "),
                [
                    (finding.track, finding.sentence.removeprefix(f"{problem}, "))
                    for finding in sentences
                    if finding.problem == problem
                ],
                charts_of(limited, problem, numbers),
                [
                    page_table(
                        add_rows(table._replace(title="Results"), rows_of_references.get(problem)),
                        every | reference_numbers(results),
                    ),
                    page_table(secondary, every),
                    *(table for table in optional if table is not None),
                ],
                pairings_of(limited, problem, numbers, anchors),
            )
        )
    return sections
