"""The page of a study is one offline file with its conclusion, tables, charts, trials and provenance."""

import base64
import hashlib
import re

import pandas as pd
import pytest

from benchbed.analysis.findings import findings
from benchbed.interfaces import ALL_PROBLEMS
from benchbed.interfaces.results import Provenance
from benchbed.reports.page import draw, pieces

HOSTILE = (
    "<script>alert(1)</script>", "</script><b>x", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}", "a&amp;b",
    "'; --x: url(https://example.org)", "\x1b[31mred\u202e", "日本",
)  # fmt: skip
"""Names that would be markup, a template, a style or control characters if they were not escaped."""


def test_the_page_requests_nothing(page):
    """No address but those of its own parts, and a policy that permits only its own style and script."""
    assert not re.search(r"https?:|url\(|@import|<(link|iframe|object|img)\b", page.text)
    links = [attributes["href"] for attributes, _ in page.find("a")]
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert links
    assert {link[:1] for link in links} == {"#"}
    assert {link[1:] for link in links} <= ids
    assert not [attributes for _, attributes in page.tags if "src" in attributes or "style" in attributes]
    ((policy, _),) = page.find("meta", http_equiv="Content-Security-Policy")
    rules = dict(rule.split(" ", 1) for rule in policy["content"].split("; "))
    assert rules["default-src"] == "'none'"
    for tag in ("style", "script"):
        ((_, content),) = page.find(tag)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"


def test_ids_are_unique(page):
    """A link leads to one place."""
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_conclusion_is_the_finding_over_all_problems(page, usual):
    """Its clauses are those of the sentence in `tables/findings.md`, in two sentences."""
    (finding,) = (finding for finding in findings(usual) if finding.problem == ALL_PROBLEMS)
    ((_, text),) = page.find("p", class_="lead")
    lead, *others = finding.clauses
    assert text.startswith(f"Tuned track, mean over 2 problems: {lead}. ")
    assert text.casefold().endswith(f"{'; '.join([*others, *finding.influences])}.".casefold())


def test_a_single_problem_has_its_own_conclusion(page_of, make_results):
    """There is no mean, so the sentence is that of the tuned track of the problem."""
    results = make_results(problems=("quadratic",), seeds=3)
    ((_, text),) = page_of(results).find("p", class_="lead")
    assert text.startswith("quadratic, tuned track: ")


@pytest.mark.parametrize(
    "study",
    [
        {"optimizers": ("adam",), "tracks": ("default",), "seeds": 1},
        {"optimizers": ("gd", "adam"), "lost": lambda *_: True},
        {"optimizers": ("gd", "adam"), "without_optimum": ("quadratic",)},
        {"optimizers": ("gd", "adam"), "without_optimum": ("quadratic",), "lost": lambda *_: True},
    ],
    ids=["one of everything", "everything diverged", "no optimum", "no optimum, everything diverged"],
)
def test_unusual_studies_have_a_page(page_of, make_results, study):
    """It has a conclusion, well-formed markup, and no number that is not a number."""
    page = page_of(make_results(problems=("quadratic",), **study))
    assert page.find("p", class_="lead")
    paths = [attributes["d"] for attributes, _ in page.find("path")]
    assert not re.search(r"nan|inf", " ".join(paths))


def test_an_interrupted_study_shows_the_tracks_that_it_has(page_of, make_results):
    """The track default ran, tuned did not: its rows are not hidden."""
    results = make_results(optimizers=("gd", "adam"), problems=("quadratic",), seeds=1)
    rows = results.summary[results.summary["track"] == "default"]
    page = page_of(results._replace(summary=rows))
    ((body, _),) = page.find("body")
    assert body["data-track"] == "default"
    assert [attributes for attributes, _ in page.find("button", data_track="tuned")] == []


def test_without_a_mean_each_problem_has_its_finding(page_of, make_results):
    """Final objectives have no mean over problems."""
    page = page_of(
        make_results(optimizers=("gd", "adam"), problems=("a", "b"), without_optimum=("a", "b"), seeds=3)
    )
    ((_, text),) = page.find("p", class_="lead")
    assert text.startswith("These problems have no mean score")
    items = [text for _, text in page.find("li")]
    assert [item.partition(":")[0] for item in items[:2]] == ["a, tuned track", "b, tuned track"]


def test_hostile_names_are_text(page_of, make_results):
    """They are shown in tables, legend, charts and details, and change neither elements nor attributes."""
    page = page_of(make_results(optimizers=HOSTILE, problems=HOSTILE[:2], tracks=("tuned",), seeds=2))
    harmless = page_of(
        make_results(optimizers=tuple("abcdefgh"), problems=("x", "y"), tracks=("tuned",), seeds=2)
    )
    assert [tag for tag, _ in page.tags if tag != "wbr"] == [tag for tag, _ in harmless.tags if tag != "wbr"]
    assert {name for _, attributes in page.tags for name in attributes} == {
        name for _, attributes in harmless.tags for name in attributes
    }
    assert page.text.count("<script") == page.text.count("</script>") == 1
    names = {text for _, text in page.find("td")}
    assert {*HOSTILE[:6], r"\x1b[31mred\u202e", "日本"} <= names
    assert not set("\x1b\u202e") & set(page.text)


def test_a_hostile_suite_and_machine_are_text(page_of, make_results):
    """A folder may come from others."""
    results = make_results(optimizers=("gd",), problems=("quadratic",), tracks=("tuned",), seeds=1)
    suite = 'name = "</pre><script>alert(1)</script>"\n# \u202e\n'
    page = page_of(results._replace(provenance=Provenance("<b>", suite, {"<i>": "<script>"})))
    assert [text for _, text in page.find("h1")] == ["<b>"]
    assert page.find("pre")[-1][1] == suite.replace("\u202e", r"\u202e")
    assert [text for _, text in (*page.find("dt"), *page.find("dd"))] == ["<i>", "<script>"]
    assert page.text.count("<script") == 1


def test_the_command_and_the_versions_are_shown(page):
    """So that a page alone suffices to repeat the study."""
    assert [text for _, text in page.find("pre")][-2:] == ["benchbed run suite.toml", 'name = "mine"\n']
    assert [text for _, text in page.find("dt")] == ["torch", "seeds"]
    assert [text for _, text in page.find("dd")] == ["2.13", "5 evaluation seeds"]


def test_thin_spaces_stay(page):
    """Numbers of calls have them between thousands; other invisible characters are escaped."""
    assert "1\N{THIN SPACE}000" in {text for _, text in page.find("text")}
    assert r"\u2009" not in page.text


def test_equal_results_give_equal_bytes(usual, page):
    """So that a page that is drawn again does not differ."""
    assert draw(usual, "") == {"index.html": page.text.encode()}


@pytest.mark.slow
def test_the_page_of_a_standard_study_is_small(make_results):
    """Seven optimizers on four problems with 20 seeds: at most 2 MB, of which one problem may take a quarter."""
    (content,) = draw(make_results(problems=("quadratic",), seeds=20), "").values()
    assert len(content) < 2_000_000 / 4


def test_many_optimizers_are_all_in_the_tables(page_of, make_results):
    """Charts contain the 24 best, and a sentence says so."""
    names = tuple(f"optimizer-{index}" for index in range(30))
    page = page_of(make_results(optimizers=names, problems=("quadratic",), tracks=("tuned",), seeds=1))
    assert len(page.find("button", aria_pressed="true")) == 24
    assert {text for _, text in page.find("td", class_="text")} >= set(names)
    assert "24 best of 30 optimizers" in page.text


def test_a_study_without_rows_has_no_page(results):
    """As it has no tables."""
    assert pieces(results._replace(summary=pd.DataFrame())) == []
    assert pieces(results) == [""]


@pytest.mark.parametrize(
    ("without_optimum", "bold"), [((), "the highest score"), (("quadratic",), "the lowest objective")]
)
def test_the_page_says_which_values_are_bold(page_of, make_results, without_optimum, bold):
    """Of the first table: scores, or objectives of a problem without scores."""
    results = make_results(problems=("quadratic",), without_optimum=without_optimum, seeds=3)
    texts = [text for _, text in page_of(results).find("p", class_="soft") if "95 %" in text]
    assert f"Bold: {bold} of a track, and all not significantly different from it." in texts[0]
    assert ("Scores lie between 0 and 1" in texts[0]) == (not without_optimum)
