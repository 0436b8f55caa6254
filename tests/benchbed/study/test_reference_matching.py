"""Reference studies are shown only where their scores compare with those of a study."""

import msgspec
import pytest

import benchbed
from benchbed.study.reference_matching import match
from benchbed.study.reference_studies import reference_of, starts_of


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A small study."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHBED_DISABLE_PLUGINS", "reports")
        return benchbed.run(
            problems=["quadratic", "quartic[start=2]"], optimizers=["gd", "adam"], preset="quick", steps=20,
            seeds=2, tracks=["default"], output=tmp_path_factory.mktemp("reference") / "mine", executor="serial",
            device="cpu",
        )  # fmt: skip


@pytest.fixture(scope="module")
def reference(study):
    """The reference study of a study."""
    return reference_of(study, "mine", 1)


@pytest.fixture(scope="module")
def other_plan(study):
    """The plan of a study of another optimizer."""
    (first, *_) = study.plan.entrants
    return msgspec.structs.replace(study.plan, entrants=(msgspec.structs.replace(first, label="new"),))


@pytest.fixture(scope="module")
def starts(study):
    """The starts of the study."""
    return starts_of(study.results)


def test_the_same_rules_and_problems_compare(reference, other_plan, starts):
    """On all problems, with all optimizers."""
    matched, remark = match(reference, other_plan, starts)
    assert matched == (reference, ("quadratic", "quartic[start=2]"), ("gd", "adam"))
    assert remark == ""


def test_optimizers_of_the_study_are_not_shown_twice(reference, study, starts):
    """With all of them there is nothing to show, and nothing to remark."""
    assert match(reference, study.plan, starts) == (None, "")
    plan = msgspec.structs.replace(study.plan, entrants=study.plan.entrants[:1])
    assert match(reference, plan, starts)[0].optimizers == ("adam",)


@pytest.mark.parametrize(
    ("rule", "value", "words"),
    [
        ("protocol", "1", "protocol 1 there and 2 here"),
        ("preset", "full", "preset full there and quick here"),
        ("study_seed", 7, "study seed 7 there and 0 here"),
        ("gradient", "forward", "gradient forward there and reverse here"),
        ("tolerance", 0.1, "tolerance 0.1 there and not set here"),
        ("checkpoints", "all", "checkpoints all there and protocol here"),
    ],
)
def test_other_rules_are_named(reference, other_plan, starts, rule, value, words):
    """Scores by other rules do not compare on any problem."""
    changed = msgspec.structs.replace(reference, **{rule: value})
    assert match(changed, other_plan, starts) == (
        None,
        f"The reference results mine 1 are left out: {words}.",
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("budget", 30, "with budget 30 there and 20 here"),
        ("dtype", "float32", "with dtype float32 there and float64 here"),
        ("targets", (0.5,), "with targets (0.5,) there and (0.1, "),
        ("score_start", 0.5, "with score start 0.5 there and 0.0001 here"),
        ("starts", {0: 1.0}, "whose starts, objective or optimum differ here"),
        ("label", "quadratic[dimension=3]", "which has other parameters here"),
    ],
)
def test_other_problems_are_named(reference, other_plan, starts, name, value, words):
    """The results on the other problem stay."""
    first, second = reference.problems
    changed = msgspec.structs.replace(
        reference, problems=(msgspec.structs.replace(first, **{name: value}), second)
    )
    matched, remark = match(changed, other_plan, starts)
    assert matched.problems == ("quartic[start=2]",)
    label = value if name == "label" else "quadratic"
    assert remark.startswith(f"The reference results mine 1 are left out on {label}, {words}")
    assert remark.endswith(" here.")


def test_unrelated_references_are_not_mentioned(reference, other_plan, starts):
    """A study of other problems has no remark."""
    plan = msgspec.structs.replace(
        other_plan, problems=tuple(msgspec.structs.replace(p, name="other") for p in other_plan.problems)
    )
    assert match(reference, plan, starts) == (None, "")


def test_many_optimizers_are_limited_to_the_best(reference, other_plan, starts):
    """By their mean score."""
    rows = tuple(
        msgspec.structs.replace(reference.summary[0], optimizer=f"o{number}", score=number / 100)
        for number in range(20)
    )
    matched, remark = match(msgspec.structs.replace(reference, summary=rows), other_plan, starts)
    assert matched.optimizers == tuple(f"o{number}" for number in range(8, 20))
    assert remark == "Of the reference results mine 1, the 12 optimizers of the highest mean score are shown."
