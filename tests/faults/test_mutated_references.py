"""A file of reference results that was changed by hand cannot break a list or a page."""

import copy
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import benchbed
from benchbed.interfaces.reference_studies import ReferenceStudy
from benchbed.reports.page import render
from benchbed.study import reference_matching
from benchbed.study.reference_files import digest_of, read_references
from benchbed.study.reference_studies import reference_of

pytestmark = pytest.mark.slow

MISSING = object()
JUNK = [None, True, "", "inf", "x\x1b[31m", -1, 0, 3.5, 10**30, [], [[0.5]], {}, {"a": 1}, MISSING]
NUMBERS = [None, 0, 1, -1, 0.5, 1e308, -1e308, 1e-320, "inf"]
TEXTS = ["", "inf", "x\x1b[31m", "<b>", "quadratic", "adam", "tuned"]


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """A study, and the reference of another optimizer as JSON-plain data."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHBED_DISABLE_PLUGINS", "reports")
        folder = tmp_path_factory.mktemp("references")
        study, other = (
            benchbed.run(
                problems=["quadratic", "quartic"], optimizers=[name], preset="quick", steps=20, seeds=3,
                output=folder / name, executor="serial", device="cpu",
            )
            for name in ("sgd", "adam")
        )  # fmt: skip
        return study, json.loads(msgspec.json.encode(reference_of(other, "past", 1)))


def paths_of(value, path=()):
    """Yield the path of every value within JSON-plain data, but of the long lists only those of the first items."""
    items = (
        value.items() if isinstance(value, dict) else enumerate(value[:4]) if isinstance(value, list) else ()
    )
    for key, item in items:
        yield (*path, key)
        yield from paths_of(item, (*path, key))


def mutate(data, path, junk):
    """Replace, or remove, the value at a path; a path that an earlier mutation has removed is left alone."""
    *outer, last = path
    for key in outer:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(data, dict) and junk is MISSING:
        data.pop(last, None)
    elif isinstance(data, dict) or (isinstance(data, list) and last in range(len(data))):
        data[last] = None if junk is MISSING else junk


def junk_for(data, path):
    """Return values for a path: mostly of the type that is there, of which many files are still read."""
    for key in path:
        data = data[key]
    likely = NUMBERS if isinstance(data, int | float) else TEXTS if isinstance(data, str) else JUNK
    return st.sampled_from(likely) | st.sampled_from(JUNK)


# To shrink an example would render hundreds of pages.
@settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.data())
def test_a_changed_file_is_read_or_named(studies, tmp_path_factory, data):
    """With a digest that fits: a page shows the results, or the reason why it does not, in one line."""
    study, original = studies
    content = copy.deepcopy(original)
    for path in data.draw(st.lists(st.sampled_from([*paths_of(original)]), min_size=1, max_size=3)):
        mutate(content, path, data.draw(junk_for(original, path)))
    try:
        digest = digest_of(msgspec.json.decode(json.dumps(content), type=ReferenceStudy))
    except msgspec.MsgspecError:
        digest = ""
    folder = Path(tmp_path_factory.mktemp("changed"))
    (folder / "past-1.json").write_text(json.dumps({"digest": digest, "study": content}))
    stored, errors = read_references([folder])
    assert len(stored) + len(errors) == 1
    assert all("\n" not in error for error in errors)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference_matching, "newest_references", lambda: (stored, errors))
        results = reference_matching.with_references(study.results, study.plan)
    assert render(results)
