"""All findings are in a file, the most important below the tables."""

from benchbed.reports.console import render
from benchbed.reports.findings import draw, headlines, pieces


def lines_of(results):
    text = draw(results, "findings")["tables/findings.md"].decode("utf-8")
    return text, [line for line in text.splitlines() if line.startswith("- ")]


def test_the_file_has_a_sentence_for_each_table(results):
    """The tuned track over both problems, each problem in two tracks, and the endings of trials."""
    text, lines = lines_of(results)
    assert len(lines) == 1 + 2 * 2
    assert text.count("mean over 2 problems") == 1
    assert "140 evaluation trials in 28 rows: " in text
    assert "12 diverged" in text


def test_the_terminal_shows_the_means_over_problems(results):
    """A sentence for the tuned track below the footnotes; formats for programs have none."""
    output = render(results, "table", 200)
    assert output.endswith(headlines(results, 200))
    assert [line.partition(":")[0] for line in headlines(results, 2000).splitlines()] == [
        "tuned track, mean over 2 problems",
    ]
    for form in ("json", "csv", "markdown"):
        assert "mean over 2 problems:" not in render(results, form)


def test_a_single_problem_has_no_mean(make_results):
    """Its own sentences are printed."""
    results = make_results(problems=("quadratic",))
    text, lines = lines_of(results)
    assert "mean over" not in text
    assert "all problems together" not in text
    assert len(lines) == 2
    assert headlines(results, 500).startswith("quadratic, default track: ")


def test_names_are_not_markup(make_results):
    """In the file and in the terminal."""
    results = make_results(optimizers=("<b>x</b>", "a|b", "\x1b[31mred"), problems=("quadratic",))
    text, _ = lines_of(results)
    assert "<b>" not in text
    assert "\x1b" not in text + headlines(results, 100)


def test_an_empty_study_has_no_findings(results):
    """Neither a file nor a line."""
    empty = results._replace(summary=results.summary[:0])
    assert pieces(empty) == []
    assert headlines(empty, 80) == ""


def test_groups_have_sentences_before_the_mean_over_all_problems(make_results):
    """And the mean says which problem carries the variance among optimizers."""
    results = make_results(problems=("a", "b", "c"), groups={"a": "noise", "b": "geometry", "c": "noise"})
    sentences = headlines(results, 2000).splitlines()
    assert [line.partition(":")[0] for line in sentences] == [
        "tuned track, group noise, 2 problems",
        "tuned track, group geometry, 1 problem",
        "tuned track, mean over 3 problems",
    ]
    shares = results.influence.set_index("problem")["share"]
    largest = shares.idxmax()
    assert (
        f"; {largest} carries {100 * shares[largest]:.0f}% of the variance among optimizers" in sentences[-1]
    )
