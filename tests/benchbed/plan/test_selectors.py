"""Selectors are read with the place of every mistake, and written so that they are read back."""

import math
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbed.catalog import Parameter
from benchbed.errors import UsageError
from benchbed.plan.selectors import MOST_SETTINGS, Selector, expand_settings, format_selector, parse_selector

READ = {
    "adam": {},
    "adam[]": {},
    "  adam  ": {},
    "adam[learning_rate=0.1]": {"learning_rate": 0.1},
    "adam[ learning_rate = 1e-2 , beta1=0 ]": {"learning_rate": 0.01, "beta1": 0},
    "adam[learning_rate=[0.1, 0.01]]": {"learning_rate": [0.1, 0.01]},
    "x[start=[2, 2], rotated=true]": {"start": [2, 2], "rotated": True},
    "x[basis=chebyshev, activation=gelu-tanh]": {"basis": "chebyshev", "activation": "gelu-tanh"},
    'x[a="two words", b=\'[,]="\']': {"a": "two words", "b": '[,]="'},
    'x[a="true", b="nan"]': {"a": "true", "b": "nan"},
    "x[a=-1, b=+2, c=0x1F, d=1_000, e=1e3]": {"a": -1, "b": 2, "c": 31, "d": 1000, "e": 1000.0},
    "x[a=[[1, 2], [3]], b=[]]": {"a": [[1, 2], [3]], "b": []},
    "torch.optim:NAdam[betas=[0.9, 0.99]]": {"betas": [0.9, 0.99]},
}

REFUSED = {
    "": "column 1: what stands here is no name",
    "[a=1]": "column 1: what stands here is no name",
    "adam(lr=1)": "column 1: 'adam(lr=1)' is no name; write NAME or NAME[key=value]",
    "adam]": "column 1: 'adam]' is no name",
    "a[": "column 3: the closing bracket ] is missing",
    "a[b=[1, 2]": "column 11: the closing bracket ] is missing",
    "a[b=1]]": "column 7: ']' stands after the closing bracket",
    "a[b]": "column 4: 'b' has no value; write key=value",
    "a[b=]": "column 5: a value is missing before ']'",
    "a[b=,c=1]": "column 5: a value is missing before ','",
    "a[=1]": "column 3: '=' is no parameter's name",
    "a[b.c=1]": "column 3: 'b.c' is no parameter's name",
    "a[b=1, b=2]": "column 8: 'b' is given twice",
    "a[b=1 c=2]": "column 7: expected a comma or ] before 'c'",
    "a[b=.5]": "column 5: '.5' cannot be read as a value; write 0.5",
    "a[b=-5.]": "column 5: '-5.' cannot be read as a value; write -5.0",
    "a[b=1/2]": "column 5: '1/2' cannot be read as a value; write a number",
    "a[b=007]": "column 5: '007' cannot be read as a value",
    "a[b=1#c]": "column 5: '1#c' cannot be read as a value",
    "a[b=2024-01-01]": "column 5: '2024-01-01' cannot be read as a value",
    "a[b=nan]": "column 5: nan is no finite number",
    "a[b=[1, -inf]]": "column 9: -inf is no finite number",
    "a[b=1e999]": "column 5: '1e999' cannot be read as a value",
    "a[b=9223372036854775808]": "column 5: '9223372036854775808' cannot be read",
    "a[b=" + "9" * 5000 + "]": "column 5: '999",
    "a[b={c=1}]": "column 5: a table cannot be a value",
    'a[b="c]': 'column 5: the quotation mark " is not closed',
    r'a[b="\x"]': "column 5: ",
    "a[b=\x1b]": r"column 5: the character '\x1b' is not printable",
    "a\nb": r"column 2: the character '\n' is not printable",
    "a[b=\udcff]": r"column 5: the character '\udcff' is not printable",
    "a[b=" + "[" * 9 + "]" * 9 + "]": "column 14: lists are nested deeper than 8",
    "a[b=" + "[" * 9000 + "]": "column 14: lists are nested deeper than 8",
    "a" * 100_001: "a selector has 100001 characters; write at most 100000",
}


@pytest.mark.parametrize("text", READ)
def test_a_selector_is_read(text):
    """A TOML inline table in brackets, but that a bare word is a string."""
    name, _, _ = text.strip().partition("[")
    read = parse_selector(text)
    assert read == Selector(name, READ[text])
    assert [type(value) for value in read.parameters.values()] == [
        type(value) for value in READ[text].values()
    ]


@pytest.mark.parametrize(("text", "expected"), REFUSED.items(), ids=range(len(REFUSED)))
def test_a_mistake_is_told_with_its_place(text, expected):
    """On one printable line of bounded length."""
    with pytest.raises(UsageError) as raised:
        parse_selector(text)
    assert expected in str(raised.value)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2, "2"), (2.0, "2"), (-0.0, "0"), (0.01, "0.01"), (1e-5, "1e-5"), (1e20, "1e20"), (1.5e-7, "1.5e-7"),
        (True, "true"), ("word", "word"), ("gelu-tanh", "gelu-tanh"), ("true", '"true"'), ("Inf", '"Inf"'),
        ("two words", '"two words"'), ("", '""'), ('"\\', r'"\"\\"'), ("\x1b", r'"\U0000001b"'), ("1", '"1"'),
        ([2.0, (0.5,)], "[2, [0.5]]"), ([], "[]"), (None, "none"),
    ],
    ids=range(20),
)  # fmt: skip
def test_every_value_has_one_form(value, text):
    """The shortest that is read back."""
    assert format_selector("x", {"key": value}) == f"x[key={text}]"


def test_parameters_keep_their_order():
    """A selector without parameters is its name."""
    assert format_selector("quadratic", {}) == "quadratic"
    assert format_selector("quadratic", {"start": 2.0, "rotated": True}) == "quadratic[start=2, rotated=true]"


def test_what_no_selector_can_say_is_not_written():
    """An object among the parameters is a mistake in the code that put it there."""
    with pytest.raises(TypeError, match="cannot stand in a selector"):
        format_selector("x", {"key": object()})


scalars = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=6)
keys = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=10)


def depth(value):
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(st.dictionaries(keys, values.filter(lambda value: depth(value) <= 8), max_size=4))
def test_what_is_written_is_read_back(parameters):
    """Up to whole numbers, which are written as such; writing again gives the same text."""
    text = format_selector("name", parameters)
    read = parse_selector(text)
    assert read == Selector("name", parameters)
    assert format_selector(*read) == text


pieces = st.sampled_from(
    [*"[]{}=,.\"'\\ #:-+_ae10", "true", "nan", "1e9", "name", "\x00", "é", "'''", '"""', "[["]
)


@given(
    st.text()
    | st.lists(pieces, max_size=30).map("".join)
    | st.lists(pieces, max_size=30).map("a[b={}".format)
)
def test_any_text_is_a_selector_or_refused(text):
    """Never a RecursionError, never another traceback."""
    try:
        read = parse_selector(text)
    except UsageError:
        return
    assert parse_selector(format_selector(*read)) == read


NUMBER = Parameter("rate", 0.1, False, float, None)
PAIR = Parameter("betas", (0.9, 0.99), True, tuple[float, float], None)
MAYBE = Parameter("limits", None, True, tuple[float, ...] | None, None)
KNOWN = {"rate": NUMBER, "betas": PAIR, "limits": MAYBE}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [{}]),
        ({"rate": 0.1}, [{"rate": 0.1}]),
        ({"rate": [0.1, 1]}, [{"rate": 0.1}, {"rate": 1}]),
        ({"rate": [1, 1.0, 1e0]}, [{"rate": 1.0}]),
        ({"betas": [0.9, 0.99]}, [{"betas": [0.9, 0.99]}]),
        ({"betas": [[0.9, 0.99], [0, 0]]}, [{"betas": [0.9, 0.99]}, {"betas": [0, 0]}]),
        ({"limits": [1]}, [{"limits": [1]}]),
        ({"limits": []}, [{"limits": []}]),
        ({"unknown": [1, 2]}, [{"unknown": 1}, {"unknown": 2}]),
        (
            {"rate": [1, 2], "betas": [[3, 4], [5, 6]]},
            [{"rate": r, "betas": b} for r in (1, 2) for b in ([3, 4], [5, 6])],
        ),
    ],
    ids=range(10),
)
def test_a_list_names_several_settings(parameters, expected):
    """For a parameter that takes a list, a list is one value and a list of lists several."""
    assert expand_settings(parameters, KNOWN) == expected


def test_an_empty_list_names_nothing():
    """It would silently drop the optimizer."""
    with pytest.raises(UsageError, match="rate lists no value"):
        expand_settings({"rate": []}, KNOWN)


def test_a_grid_is_counted_before_it_is_made():
    """Ten lists of ten would fill the memory."""
    lists = {f"key{i}": list(range(10)) for i in range(10)}
    with pytest.raises(UsageError, match=f"make {10**10} settings; ask for at most {MOST_SETTINGS}"):
        expand_settings(lists, KNOWN)
    assert len(expand_settings({"rate": [i / 7 for i in range(1000)]}, KNOWN)) == 1000
    assert math.prod([10] * 5) == MOST_SETTINGS
