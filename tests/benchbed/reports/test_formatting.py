"""Text stays what it is, wherever it goes."""

import csv as csv_module
import io
import math

import pytest

from benchbed.reports.formatting import csv_cell, markdown_cell, power_of_ten, printable, short, slugs


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@SUM(A1)", "  =1"])
def test_a_spreadsheet_does_not_compute_text(text):
    """A cell that would be read as a formula begins with an apostrophe."""
    assert csv_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["adam", "quadratic[start=-2]", '{"learning_rate": 0.1}', ""])
def test_harmless_text_is_left_alone(text):
    """Selectors and JSON are no formulas."""
    assert csv_cell(text) == text


def test_control_characters_are_written_out():
    """Neither an ANSI code, a line break, nor a change of direction reaches the terminal."""
    assert printable("a\x1b[31m\nb\u202ec") == "a\\x1b[31m\\nb\\u202ec"


def test_markdown_neither_breaks_the_row_nor_becomes_markup():
    """Pipes, tags, emphasis, links and formulas are shown as they are."""
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
    """Three digits, whole numbers whole, words for what is no number."""
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
def test_powers_of_ten_are_raised(value, text):
    """As plain text, with the sign of typography; what is no such power is a number."""
    assert power_of_ten(value) == text


def test_every_selector_has_a_file_name_of_its_own():
    """Also those that differ in case, in signs or beyond the 80th character, or that are reserved."""
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
    """Quotes and separators are the writer's business; the guard adds one apostrophe only."""
    buffer = io.StringIO()
    csv_module.writer(buffer).writerow([csv_cell('=a,"b"')])
    assert next(csv_module.reader(io.StringIO(buffer.getvalue()))) == ['\'=a,"b"']
