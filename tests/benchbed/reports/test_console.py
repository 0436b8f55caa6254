"""Output is complete at any width, in any encoding and in every format."""

import json
import math

import pytest

from benchbed.errors import UsageError
from benchbed.interfaces import Note
from benchbed.reports.console import FORMATS, render

NOTES = {"gd": (Note.EXACT_ORACLE,), "adam": (Note.BEST_AT_UPPER_EDGE, Note.NOTHING_TO_TUNE)}


@pytest.fixture(scope="module")
def noted(make_results):
    return make_results(notes=lambda optimizer, track: NOTES.get(optimizer, ()))


def without_spaces(text):
    return "".join(text.split())


@pytest.mark.parametrize("width", [1, 10, 20, 40, 60, 70, 75, 80, 81, 100, 200])
def test_every_width_shows_all_data(noted, width):
    """Every name, number and note of the widest table; no line is too long."""
    text = render(noted, "table", width)
    widest = render(noted, "table", 400)
    tokens = {token for token in widest.split() if not set(token) <= {"─"} and not token.endswith(":")}
    assert max(map(len, text.splitlines())) <= width
    assert [token for token in tokens if token not in without_spaces(text)] == []


def test_the_standard_study_fits_eighty_columns(noted):
    """As a table with a rule, footnotes and one row an optimizer."""
    text = render(noted, "table", 80)
    assert "─" * 40 in text
    assert any(line.endswith(" nothing to tune") and line[1] == " " for line in text.splitlines())
    assert sum(line.startswith("adam ") for line in text.splitlines()) == 5


def test_scores_by_group_come_first(make_results):
    """A column a group, with intervals and stars; default rates have no means over problems."""
    results = make_results(problems=("a", "b", "c"), groups={"a": "noise", "b": "geometry", "c": "noise"})
    lines = render(results, "table", 120).splitlines()
    assert lines[0] == "mean scores by group"
    assert lines[1].split() == ["noise", "geometry"]
    assert lines[2].split() == ["optimizer", "track", "(2", "problems)", "(1", "problem)"]
    rows = lines[4 : lines.index("")]
    assert [row.split()[:2] for row in rows] == [[name, "tuned"] for name in results.optimizers]
    scores = results.overall[results.overall["group"] == "noise"].set_index(["optimizer", "track"])
    adam = scores.loc["adam", "tuned"]
    (row,) = (row for row in rows if row.startswith("adam "))
    assert f" {adam['score']:.3f} [{adam['score_low']:.2f}, {adam['score_high']:.2f}]" in row
    first = results.groups[(results.groups["problem"] == "[noise]") & (results.groups["group"] == 1)]
    column = lines[1].index("noise") + len("noise")
    starred = [row.split()[0] for row in rows if row[: column + 1].rstrip().endswith("*")]
    assert sorted(starred) == sorted(first["optimizer"])


def test_groups_that_do_not_fit_follow_in_further_tables(make_results):
    """Each with all optimizers; the columns together are those of the wide table, stars included."""
    names = ("noise", "geometry", "tails", "spectrum", "accuracy")
    results = make_results(problems=names, groups={name: name for name in names})

    def columns(width):
        """Return the text of each column of the tables of groups, in their order."""
        found = []
        for block in render(results, "table", width).split("\n\n"):
            lines = block.splitlines()
            if lines[0].startswith("mean scores by group"):
                rule = next(position for position, line in enumerate(lines) if line.startswith("─"))
                rows = [line.replace(" [", "_[").replace(", ", ",_").split() for line in lines[rule + 1 :]]
                found += list(zip(*rows, strict=True))[2:]
                assert max(map(len, lines)) <= width
        return found

    assert len(columns(200)) == len(names)
    assert columns(90) == columns(200)
    assert render(results, "table", 90).count("mean scores by group, continued") == 1


def test_the_leading_scores_have_a_star(noted):
    """The highest score and all not significantly different from it, but not the exact oracle."""
    lines = render(noted, "table", 120).splitlines()
    starred = [line.split()[0] for line in lines if "*" in line and not line.startswith("*")]
    groups = noted.groups
    assert len(starred) == int((groups["group"] == 1).sum())
    assert "gd" not in starred


def test_diverged_trials_are_counted(noted):
    """Beside the number of trials."""
    assert "5: 3 diverged" in render(noted, "table", 120)


def test_plain_text_has_no_escape_codes(noted):
    """Only with `color=True`."""
    assert "\x1b" not in render(noted, "table", 80)
    assert "\x1b[" in render(noted, "table", 80, color=True)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_every_encoding_can_print_it(make_results, form, encoding):
    """Characters that the encoding lacks are escaped."""
    results = make_results(optimizers=("adam", "mod:Ä[x=∞]"), seeds=1)
    assert render(results, form, 80, encoding=encoding).encode(encoding)


def test_names_are_not_markup(make_results):
    """Rich's tags and emoji codes are printed literally, ANSI codes escaped."""
    names = ("[red]x[/red]", ":smile:", "a\x1b[31mb")
    text = render(make_results(optimizers=names, seeds=1), "table", 200)
    assert "[red]x[/red]" in text
    assert ":smile:" in text
    assert "a\\x1b[31mb" in text


def test_json_is_strict_and_complete(noted):
    """NaN and infinity are null; the field `infinite` names the infinite columns."""

    def reject(constant):
        raise AssertionError(constant)

    records = json.loads(render(noted, "json"), parse_constant=reject)["summary"]
    assert len(records) == len(noted.summary)
    for record, (_, row) in zip(records, noted.summary.iterrows(), strict=True):
        assert list(record)[:-1] == list(noted.summary.columns)
        assert record["infinite"] == [
            key for key in ("median_calls", "gap", "objective") if math.isinf(row[key])
        ]
        assert record["score_low"] is None
        assert record["score"] == row["score"]
        assert record["hyperparameters"] == json.loads(row["hyperparameters"])


def test_csv_and_markdown_contain_every_row(noted):
    """Markdown has a table for each problem and one over all."""
    assert render(noted, "csv").count("\n") == len(noted.summary) + 1
    assert render(noted, "markdown").count("### ") == 3


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_problem_without_a_result_is_printed(results, form, encoding):
    """Such as one all of whose trials are missing."""
    unknown = dict.fromkeys(("score", "score_low", "score_high", "gap"), math.nan)
    lost = results._replace(summary=results.summary.assign(**unknown))
    assert "adam" in render(lost, form, encoding=encoding)


def test_an_unknown_format_is_rejected(noted):
    """The message lists the formats."""
    with pytest.raises(UsageError, match="unknown format 'xml'; choose one of table, json, csv, markdown"):
        render(noted, "xml")


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_summary_is_printed(results, form):
    """A study without trials is not an error."""
    assert (
        render(results._replace(summary=results.summary[:0], outcomes=results.outcomes[:0]), form) is not None
    )
