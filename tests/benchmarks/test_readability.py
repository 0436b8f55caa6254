"""The measures of readability, on sources of a few lines."""

import importlib

import pytest


@pytest.fixture
def measured(tmp_path):
    """Return a function that measures modules given as text."""
    readability = importlib.import_module("readability")

    def measure(*texts):
        paths = [tmp_path / f"module{index}.py" for index in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, encoding="utf-8")
        return readability.measure(paths)

    return measure


def test_vague_docstrings_are_listed(measured):
    """Only the first word of a docstring counts."""
    figures = measured('def f():\n    """Give it."""\n\n\ndef g():\n    """Return a gift to give."""\n')
    (listing,) = figures.places("docstring")
    assert listing.endswith("module0.py:2: docstring: Give it.")


def test_clauses_are_counted_per_sentence(measured):
    """Two sentences in a docstring and one in a comment, one of which has a vague clause."""
    figures = measured('"""Return what was read. Raise an error."""\n\nx = 1  # the width\n')
    assert figures.vague_clauses_per_thousand == pytest.approx(1000 / 3)


def test_local_names_are_counted_once_a_function(measured):
    """`found` is vague although it is bound twice; `trial` is not; `self` does not count."""
    figures = measured("def f(self, trial):\n    found = 1\n    found = 2\n    return found\n")
    assert figures.vague_names_percent == 50


def test_helpers_that_are_called_once_are_listed(measured):
    """A recursive call does not count, and a second caller excuses the helper."""
    figures = measured(
        "def _once(n):\n    return _once(n - 1)\n\n\ndef _twice():\n    pass\n\n\n"
        "def public():\n    _once(3)\n    _twice()\n    _twice()\n"
    )
    assert [listing.rpartition(" ")[2] for listing in figures.places("called once")] == ["_once"]
    assert figures.called_once_percent == pytest.approx(100 / 3)


def test_class_names_are_compared_across_modules(measured):
    """Both definitions of a name are listed."""
    assert len(measured("class Step:\n    pass\n", "class Step:\n    pass\n").places("class")) == 2


def test_metaphors_are_listed(measured):
    """In comments as well as in docstrings."""
    assert len(measured('"""The house."""\n\nx = 1  # the back door\n').places("metaphor")) == 2
