"""Tests of parsing, formatting and expanding selectors."""

import math
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbed.catalog.selector_reader import SelectorReader
from benchbed.errors import UsageError
from benchbed.plan.selectors import MOST_SETTINGS, Selector, expand_settings, format_selector, parse_selector

PARSED = {
    "adam": {},
    "adam[]": {},
    "adam()": {},
    "  adam  ": {},
    "adam[learning_rate=0.1]": {"learning_rate": 0.1},
    "adam(learning_rate=0.1)": {"learning_rate": 0.1},
    "adam[ learning_rate = 1e-2 , beta1=0 ]": {"learning_rate": 0.01, "beta1": 0},
    "adam[learning_rate=[0.1, 0.01]]": {"learning_rate": [0.1, 0.01]},
    "x[start=[2, 2], rotated=true]": {"start": [2, 2], "rotated": True},
    "x[start=(2, 2), limits=(), a=(1)]": {"start": [2, 2], "limits": [], "a": 1},
    "x[basis=chebyshev, activation=gelu-tanh]": {"basis": "chebyshev", "activation": "gelu-tanh"},
    'x[a="two words", b=\'[,]="\']': {"a": "two words", "b": '[,]="'},
    'x[a="true", b="nan", c=none]': {"a": "true", "b": "nan", "c": "none"},
    'x[a="é", b=2]': {"a": "é", "b": 2},
    "x[a=-1, b=+2, c=0x1F, d=1_000, e=1e3, f=.5, g=-5.]": {
        "a": -1, "b": 2, "c": 31, "d": 1000, "e": 1000.0, "f": 0.5, "g": -5.0,
    },
    "x[a=[[1, 2], [3]], b=[]]": {"a": [[1, 2], [3]], "b": []},
    "x[lambda=1, __debug__=2, not=[if, else]]": {"lambda": 1, "__debug__": 2, "not": ["if", "else"]},
    "torch.optim:NAdam[betas=[0.9, 0.99]]": {"betas": [0.9, 0.99]},
    "torch.optim:NAdam(betas=(0.9, 0.99),)": {"betas": [0.9, 0.99]},
}  # fmt: skip

REJECTED = {
    "": "column 1: expected a name; write NAME or NAME[key=value]",
    "[a=1]": "column 1: expected a name",
    "adam]": "column 5: expected [ after 'adam'",
    "adam [a=1]": "column 5: expected [ after 'adam'",
    "adam, sgd": "column 5: expected [ after 'adam'",
    "a[": "column 3: the closing bracket ] is missing",
    "a(b=1": "column 6: the closing bracket ) is missing",
    "a[b=[1, 2]": "column 11: the closing bracket ] is missing",
    "a[b=1)": "column 6: unexpected ); expected ]",
    "a[b=1]]": "column 7: unexpected ]",
    "a[b=1][c=2]": "column 7: expected a comma or a closing bracket",
    "a" + "()" * 40_000: "column 4: expected a comma or a closing bracket",
    "a[[1]]": "column 3: expected key=value",
    "a[b=1, c]": "expected NAME[key=value, key=[value, …], …]",
    "a[b=[c=1]]": "expected NAME[key=value, key=[value, …], …]",
    "quadratic[condition_number=]": "column 28: expected a value after 'condition_number='; write a number, a word or",
    "a[b=,c=1]": "column 5: expected a value after 'b='",
    "a[b==1]": "column 5: expected a value after 'b='",
    "a[b=1,,c=2]": "column 7: expected a value before the comma",
    "a[=1]": "column 3: expected the name of a parameter before '='",
    "a[b.c=1]": "column 3: 'b.c' is not the name of a parameter; write key=value",
    "a[b=1, b=2]": "column 8: 'b' is given twice",
    "a[b=1 c=2]": "column 7: expected a comma or a closing bracket",
    "a[b=[1 [2]]]": "column 8: expected a comma or a closing bracket",
    "a[b='é', c=1 d]": "column 14: expected a comma or a closing bracket",
    "a[b=1/2]": "column 5: '1/2' is not a value; write a number",
    "a[b=--1]": "column 5: '--1' is not a value",
    "a[b=" + "-" * 90_000 + "1]": "column 5: '---",
    "a[b=007]": "column 5: '007' is not a value",
    "a[b=1#c]": "column 5: '1#c' is not a value",
    "a[b='x'y]": "column 5: \"'x'y\" is not a value",
    "a[b=2024-01-01]": "column 5: '2024-01-01' is not a value",
    "a[b=nan]": "column 5: nan is not a finite number",
    "a[b=[1, -inf]]": "column 9: -inf is not a finite number",
    "a[b=1e999]": "column 5: '1e999' is not a value",
    "a[b=9223372036854775808]": "column 5: '9223372036854775808' is not a value",
    "a[b=" + "9" * 5000 + "]": "column 5: '999",
    "a[b={c=1}]": "column 5: a table cannot be a value",
    'a[b="c]': 'column 5: the quotation mark " is not closed',
    r'a[b="\x"]': "column 5: ",
    "a[b=\x1b]": r"column 5: the character '\x1b' is not printable",
    "a\nb": r"column 2: the character '\n' is not printable",
    "a[b=\udcff]": r"column 5: the character '\udcff' is not printable",
    "a[b=" + "[" * 9 + "]" * 9 + "]": "column 13: brackets are nested deeper than 8",
    "a[b=" + "[" * 9000 + "]": "column 13: brackets are nested deeper than 8",
    "a" * 100_001: "a selector has 100001 characters; write at most 100000",
    "cosine(adam, sgd)": "column 14: 'cosine' wraps one optimizer or problem; write key=value after it",
    "clip(clip(adam, norm=1), norm=2)": "column 1: 'clip_norm' is given twice",
    "cosine(adam[beta1=0.5])[beta1=0.9]": "column 1: 'beta1' is given twice",
    "cosine(adam)[sgd]": "column 13: expected a comma or a closing bracket",
    "cosine(adam)[a=1][b=2]": "column 18: expected a comma or a closing bracket",
    "adam(beta1=0.5)[beta2=0.9]": "column 16: expected a comma or a closing bracket",
    "a(b=1)" + "(c=2)" * 90_00: "expected a comma or a closing bracket",
    "a[b=c[d=x=1]]": "column 10: expected",
    "a[b=[1, sgd[c=1=2]]]": "column 16: expected",
}


@pytest.mark.parametrize("text", PARSED)
def test_a_selector_is_parsed(text):
    """Brackets and parentheses mean the same; a bare word is a string, and Python's keywords are words."""
    read = parse_selector(text)
    assert read == Selector(re.split(r"[\[(]", text.strip())[0], PARSED[text])
    assert [type(value) for value in read.parameters.values()] == [
        type(value) for value in PARSED[text].values()
    ]


@pytest.mark.parametrize(("text", "expected"), REJECTED.items(), ids=range(len(REJECTED)))
def test_a_mistake_is_reported_with_its_column(text, expected):
    """The message is one printable line of bounded length."""
    with pytest.raises(UsageError) as raised:
        parse_selector(text)
    assert expected in str(raised.value)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cosine(adam, warmup=0.1)", ("cosine", 1, (("adam", 8, (), {}, {}),), {"warmup": 0.1}, {})),
        (
            " clip[muon(learning_rate=[0.1]), norm=1]",
            ("clip", 2, (("muon", 7, (), {"learning_rate": [0.1]}, {}),), {"norm": 1}, {}),
        ),
        ("cosine(adam)[a=1]", ("cosine", 1, (("adam", 8, (), {}, {}),), {}, {"a": 1})),
        ("a(b=[c(d=1)])", ("a", 1, (), {"b": ["c(d=1)"]}, {})),
        ("a[b=m:C[d=[1, 2], e=(0.9, 0.99)]]", ("a", 1, (), {"b": "m:C[d=[1, 2], e=(0.9, 0.99)]"}, {})),
    ],
)
def test_nested_selectors_are_read_as_a_tree(text, expected):
    """Each selector keeps its column, its selectors without a key, and its parameters; as a value it is a string."""
    assert SelectorReader(text).read() == expected


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("cosine(adam)", "cosine(adam)", {}),
        ("cosine(adam[beta1=0.5], warmup=0.1)", "cosine(adam)", {"beta1": 0.5, "cosine_warmup": 0.1}),
        ("cosine(adam)[beta1=0.5, cosine_warmup=0.1]", "cosine(adam)", {"beta1": 0.5, "cosine_warmup": 0.1}),
        ("clip-value[cosine[m:C], value=[1, 2]]", "clip-value(cosine(m:C))", {"clip_value_value": [1, 2]}),
    ],
)
def test_a_wrapper_and_its_optimizer_have_one_name(text, name, parameters):
    """Its parameters are prefixed; the canonical form means the same."""
    selector = parse_selector(text)
    assert selector == (name, parameters)
    assert parse_selector(format_selector(*selector)) == selector


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
def test_a_value_is_formatted_in_its_shortest_form(value, text):
    """The form that is stored in labels and suites."""
    assert format_selector("x", {"key": value}) == f"x[key={text}]"


def test_parameters_keep_their_order():
    """A selector without parameters is formatted as its name."""
    assert format_selector("quadratic", {}) == "quadratic"
    assert format_selector("quadratic", {"start": 2.0, "rotated": True}) == "quadratic[start=2, rotated=true]"


def test_other_objects_are_not_formatted():
    """An object among the parameters is a bug of the caller."""
    with pytest.raises(TypeError, match="cannot be written in a selector"):
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
def test_a_formatted_selector_is_parsed_back(parameters):
    """Integral floats come back as integers; formatting again returns the same text."""
    text = format_selector("name", parameters)
    read = parse_selector(text)
    assert read == Selector("name", parameters)
    assert format_selector(*read) == text


fragments = st.sampled_from(
    [*"[](){}=,.\"'\\ #:-+_ae10", "true", "nan", "1e9", "name", "\x00", "é", "'''", '"""', "[["]
)


@given(
    st.text()
    | st.lists(fragments, max_size=30).map("".join)
    | st.lists(fragments, max_size=30).map("a[b={}".format)
)
def test_any_text_is_parsed_or_rejected(text):
    """No text raises a RecursionError or another exception."""
    try:
        read = parse_selector(text)
    except UsageError:
        return
    assert parse_selector(format_selector(*read)) == read


KNOWN = {"rate": float, "betas": tuple[float, float], "limits": tuple[float, ...] | None}


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
def test_a_list_expands_to_several_settings(parameters, expected):
    """For a parameter that takes a list, a list is one value and a list of lists several."""
    assert expand_settings(parameters, KNOWN) == expected


def test_an_empty_list_is_rejected():
    """It would silently drop the optimizer."""
    with pytest.raises(UsageError, match="rate is an empty list"):
        expand_settings({"rate": []}, KNOWN)


def test_a_grid_is_counted_before_it_is_built():
    """Ten lists of ten values would fill the memory."""
    lists = {f"key{i}": list(range(10)) for i in range(10)}
    with pytest.raises(UsageError, match=f"make {10**10} settings; ask for at most {MOST_SETTINGS}"):
        expand_settings(lists, KNOWN)
    assert len(expand_settings({"rate": [i / 7 for i in range(1000)]}, KNOWN)) == 1000
    assert math.prod([10] * 5) == MOST_SETTINGS
