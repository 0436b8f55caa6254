"""The HTML that a notebook shows for a study."""

from html.parser import HTMLParser

import pytest

from benchbed.reports.notebook.html import study_html
from benchbed.reports.tables.summary import summary_tables

pytestmark = pytest.mark.slow

HOSTILE = "x[a=<script>alert(1)</script>]"


class Reader(HTMLParser):
    """Text of the cells and paragraphs, and the tags in their order."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self.bold = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        if data.strip():
            (self.bold if self.tags[-1] == "b" else self.texts).append(data.strip())


def test_the_conclusion_stands_above_the_scores(results):
    """Two sentences on the mean over problems, the mean scores in a table, and further paragraphs."""
    reader = Reader(study_html(results, ["study folder: results/quick"]))
    assert reader.texts[0].startswith("Tuned track, mean over 2 problems: ")
    assert reader.texts[1] == "Mean scores over 2 problems"
    assert reader.texts[-1] == "study folder: results/quick"
    assert reader.tags.count("tr") == 1 + len(results.optimizers)
    assert reader.tags.count("script") == 0


def test_leading_scores_are_bold(make_results):
    """They are those with a star in the terminal; diverged trials of one optimizer cost it the star."""
    study = make_results(
        optimizers=("gd", "sgd", "nesterov"), problems=("quadratic",), lost=lambda p, o, s: o == 1
    )
    (table,) = summary_tables(study)
    scores = table.cells["score"][list(table.is_best)]
    assert 0 < len(scores) < len(table.cells)
    assert Reader(study_html(study, [])).bold == list(scores)


def test_names_are_escaped(make_results):
    """A name with markup is text."""
    reader = Reader(study_html(make_results(optimizers=(HOSTILE, "gd")), [HOSTILE]))
    assert "script" not in reader.tags
    assert reader.texts.count(HOSTILE) >= 2


def test_a_study_without_means_shows_the_tables_of_its_problems(make_results):
    """At most eight; the others are counted."""
    problems = tuple(f"p{number}" for number in range(9))
    study = make_results(optimizers=("gd", "adam"), problems=problems, without_optimum=problems)
    reader = Reader(study_html(study, []))
    assert reader.tags.count("table") == 8
    assert reader.texts[-1] == "1 further problem: see study.summary"


def test_a_study_without_rows_has_no_table(results):
    """As of a run that was interrupted at once."""
    names = ("outcomes", "summary", "overall", "comparisons", "groups", "measures", "influence")
    empty = results._replace(**{name: getattr(results, name)[:0] for name in names})
    assert Reader(study_html(empty, ["study folder: results/quick"])).texts == ["study folder: results/quick"]
