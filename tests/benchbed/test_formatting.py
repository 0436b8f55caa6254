"""Names and numbers are formatted safely and readably."""

import csv as csv_module
import io
import math
import traceback

import pytest

from benchbed.formatting import (
    csv_cell,
    exception_line,
    fixed,
    markdown_cell,
    percentage,
    plural,
    power_of_ten,
    printable,
    short,
    slugs,
)  # fmt: skip


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@SUM(A1)", "  =1"])
def test_a_spreadsheet_does_not_compute_text(text):
    """A cell that would be read as a formula begins with an apostrophe."""
    assert csv_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["adam", "quadratic[start=-2]", '{"learning_rate": 0.1}', ""])
def test_harmless_text_is_unchanged(text):
    """Selectors and JSON are not formulas."""
    assert csv_cell(text) == text


def test_control_characters_are_escaped():
    """ANSI codes, line breaks and changes of direction do not reach the terminal."""
    assert printable("a\x1b[31m\nb\u202ec") == "a\\x1b[31m\\nb\\u202ec"


def test_markdown_is_escaped():
    """Pipes, tags, emphasis, links and formulas are shown literally."""
    assert markdown_cell("a|b<script>*c*`d`$e$") == r"a\|b\<script\>\*c\*\`d\`\$e\$"
    assert markdown_cell("[x](y)") == r"[x]\(y)"
    assert markdown_cell("_x_ learning_rate") == r"\_x\_ learning_rate"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-5, "1e-05"),
        (2.5e7, "2.5e+07"),
        (0.0, "0"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
        (999.6, "1000"),
        (1234.4, "1234"),
        (0.00316, "0.00316"),
    ],
)
def test_numbers_are_short(value, text):
    """Three significant digits, integers without a fraction, symbols for NaN and infinity."""
    assert short(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "10⁰"),
        (1e-3, "10⁻³"),
        (1e12, "10¹²"),
        (-100.0, "−10²"),
        (0.0, "0"),
        (0.002, "0.002"),
        (math.inf, "∞"),
    ],
)
def test_powers_of_ten_have_superscript_exponents(value, text):
    """As plain text with a true minus sign; other values are formatted as numbers."""
    assert power_of_ten(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(-0.001, "0.00"), (0.125, "0.12"), (-1.5, "-1.50"), (math.nan, "–")]
)
def test_zero_has_no_minus_sign(value, text):
    """A negative number that rounds to zero is 0.00; NaN is a dash."""
    assert fixed(value) == text


@pytest.mark.parametrize(("share", "text"), [(1 / 3, "33.3%"), (1.0, "100%"), (math.nan, "–")])
def test_shares_are_percentages(share, text):
    """Three significant digits; NaN is a dash."""
    assert percentage(share) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "1 call"), (2, "2 calls"), (0, "0 calls"), (1.5, "1.5 calls"), (10**7, "10000000 calls")],
)
def test_nouns_agree_with_their_number(number, text):
    """Only 1 takes the singular."""
    assert plural(number, "call") == text


def test_file_names_are_distinct():
    """Also for selectors that differ in case, in punctuation or after 80 characters, and for reserved names."""
    selectors = [
        "quadratic",
        "Quadratic",
        "p[a=1]",
        "p[a={1}]",
        "x" * 90,
        "x" * 91,
        "summary",
        "../../x",
        "CON",
        "é",
    ]
    names = slugs(selectors, reserved={"summary"})
    assert len({name.lower() for name in names.values()}) == len(selectors)
    assert names["quadratic"] == "quadratic"
    assert names["p[a=1]"] == "p-a-1"
    assert not any("/" in name or name.startswith(".") or len(name) > 100 for name in names.values())


def test_a_guarded_cell_survives_the_csv_reader():
    """The guard adds one apostrophe; the CSV writer quotes separators."""
    buffer = io.StringIO()
    csv_module.writer(buffer).writerow([csv_cell('=a,"b"')])
    assert next(csv_module.reader(io.StringIO(buffer.getvalue()))) == ['\'=a,"b"']


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("one\ntwo"), "ValueError: one"),
        (
            ExceptionGroup("two", [ValueError("a"), TypeError("b")]),
            "ExceptionGroup: two (2 sub-exceptions)",
        ),
    ],
)
def test_the_line_of_an_exception_is_found_in_its_traceback(error, line):
    """It has the type and the first line of the message, also of a group of exceptions."""
    try:
        raise error
    except Exception:  # noqa: BLE001 (only its traceback matters)
        assert exception_line(traceback.format_exc()) == line
