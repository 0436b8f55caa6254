"""The findings are written whole to a file, and in brief beneath the tables."""

from benchbed.reports.console import render
from benchbed.reports.findings import draw, headlines, pieces


def lines_of(results):
    text = draw(results, "findings")["tables/findings.md"].decode("utf-8")
    return text, [line for line in text.splitlines() if line.startswith("- ")]


def test_the_file_has_a_sentence_a_table(results):
    """Two tracks over both problems, and each problem in two tracks; then how the trials ended."""
    text, lines = lines_of(results)
    assert len(lines) == 2 + 2 * 2
    assert text.count("mean over 2 problems") == 2
    assert "140 evaluation trials in 28 rows: " in text
    assert "12 diverged" in text


def test_standard_output_has_only_the_means_over_problems(results):
    """A sentence a track, beneath the legend of a table; data for programs has none."""
    shown = render(results, "table", 200)
    assert shown.endswith(headlines(results, 200))
    assert [line.partition(":")[0] for line in headlines(results, 2000).splitlines()] == [
        "default track, mean over 2 problems",
        "tuned track, mean over 2 problems",
    ]
    for form in ("json", "csv", "markdown"):
        assert "mean over 2 problems:" not in render(results, form)


def test_a_single_problem_speaks_for_itself(make_results):
    """There is no mean over one."""
    results = make_results(problems=("quadratic",))
    text, lines = lines_of(results)
    assert "mean over" not in text
    assert "all problems together" not in text
    assert len(lines) == 2
    assert headlines(results, 500).startswith("quadratic, default track: ")


def test_names_are_no_markup(make_results):
    """Whatever an optimizer is called, it is text, in the file and on the terminal."""
    results = make_results(optimizers=("<b>x</b>", "a|b", "\x1b[31mred"), problems=("quadratic",))
    text, _ = lines_of(results)
    assert "<b>" not in text
    assert "\x1b" not in text + headlines(results, 100)


def test_an_empty_study_has_nothing_to_say(results):
    """No file, no line."""
    empty = results._replace(summary=results.summary[:0])
    assert pieces(empty) == []
    assert headlines(empty, 80) == ""
