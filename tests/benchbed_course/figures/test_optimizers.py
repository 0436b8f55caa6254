"""Optimizers that a reader adds: labels, looks, and their place in every figure that takes them."""

import json
import math
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.text import Text

import benchbed_course
from benchbed.interfaces import Figure, Optimizer, TrialStatus
from benchbed.interfaces.figure import function_of
from benchbed.plotting import wrap_label
from benchbed_course.figure_list import FIGURES
from benchbed_course.figures import runge
from benchbed_course.figures.canvas import LOOKS, typeset
from benchbed_course.figures.optimizers import (
    by_optimizer,
    calls_label,
    first_named,
    highest_loss,
    label_of,
    looks_of,
    optimizer_sentences,
    others,
    range_of,
    side_changes,
    steps_of,
    turning_sentences,
    unit_of,
)
from benchbed_course.figures.polynomial_network import draw_fit
from benchbed_course.figures.shallow_network import SMOOTH_RUN, draw_activations, draw_breakpoints
from benchbed_course.figures.toy_mean import draw_paths
from benchbed_course.figures.trials import trials_of

pytestmark = pytest.mark.slow

SUITES = Path(benchbed_course.__file__).parent / "suites"
SMALL = {
    "course-linear-regression": {},
    "course-linear-regression-long": {"steps": 300},
    "course-runge": {
        "problems": [f"runge[features={size}, samples=4, basis=chebyshev]" for size in (2, 4, 8)],
        "steps": 20,
        "seeds": 2,
    },
    "course-shallow-network": {"steps": 8, "seeds": 2},
    "course-shallow-network-sizes": {"steps": 8, "seeds": 2},
    "course-triangles": {"steps": 30, "seeds": 3},
    "course-toy-mean-gd": {"problems": ["toy-mean[samples=320]"], "steps": 300},
    "course-toy-mean-sgd": {"problems": ["toy-mean[samples=320]"], "steps": 30, "seeds": 2},
    "course-quartic": {"seeds": 4, "steps": 30},
    "course-quartic-scan": {
        "problems": [f"quartic[start={start}, gradient_noise=4.5]" for start in (-1, 0.5, 1.5)],
        "seeds": 4,
        "steps": 30,
    },
    "course-quadratic": {},
    "course-rmsprop": {},
    "course-weighted-quartic": {"steps": 20, "seeds": 2, "engine": "eager"},
    "course-weighted-quartic-exact": {"steps": 20},
    "course-polynomial-network": {
        "problems": ["polynomial-network[dimension=3, samples=2000, hidden=[8, 8]]"],
        "engine": "eager",
        "steps": 20,
        "seeds": 2,
    },
}
"""Values that make each suite small."""
ADAGRAD = r"torch\.optim:Adagrad \(η = 0\.01\)"
DIVERGES = "sgd[learning_rate=1000000000]"


def failing():
    """Build an optimizer that fails in its first step."""

    def update(oracle, state, theta):
        raise RuntimeError("no step")

    return Optimizer(init=lambda theta: (), update=update)


ADDED = ["clip(adam, norm=0.5)", "torch.optim:Adagrad", "lbfgs", DIVERGES, ("mine", failing)]
LABELS = ["clip(adam)[clip_norm=0.5]", "torch.optim:Adagrad", "lbfgs", DIVERGES]


def trial(optimizer, status="exhausted", loss=(1.0, 0.5), calls=(0.0, 1.0), **setting):
    return SimpleNamespace(
        optimizer=optimizer, name=optimizer.partition("[")[0], status=TrialStatus(status), loss=np.array(loss),
        calls=np.array(calls), steps=len(calls) - 1, setting=setting,
    )  # fmt: skip


@pytest.fixture(scope="session")
def extended(study_of):
    """Return a function that runs a small form of a suite with the added optimizers, once."""
    studies = {}

    def run(suite):
        if suite not in studies:
            own = tomllib.loads((SUITES / f"{suite}.toml").read_text(encoding="utf-8"))["optimizers"]
            studies[suite] = study_of(suite, optimizers=[*own, *ADDED], **SMALL[suite])
        return studies[suite]

    return run


def test_labels_name_the_learning_rate_that_is_left_open():
    """A selector that fixes it is its own label, and so is one of an optimizer without a rate."""
    assert (
        label_of(trial("momentum[beta=0.95]", learning_rate=0.01, beta=0.95))
        == "momentum[beta=0.95] (η = 0.01)"
    )
    assert label_of(trial("sgd[learning_rate=0.5]", learning_rate=0.5)) == "sgd[learning_rate=0.5]"
    assert label_of(trial("lbfgs")) == "lbfgs"


def test_every_optimizer_has_a_look_of_its_own():
    """The first of a name has the course's look; up to eight others differ from it and from each other."""
    names = ["gd[learning_rate=1]", "adam[learning_rate=1]", "adam", *(f"mine{index}" for index in range(8))]
    looks = looks_of([trial(name) for name in names for _ in range(2)])
    assert [looks[name] for name in names[:2]] == [LOOKS["gd"], LOOKS["adam"]]
    assert (
        len({(look.dashes, look.marker, look.color) for look in (*looks.values(), *LOOKS.values())}) == 9 + 7
    )
    colors = {looks[name].color for name in names[2:7]}
    assert len(colors) == 5
    assert not colors & {look.color for look in LOOKS.values()}


def test_groups_and_names():
    """Trials are grouped by selector; the first selector of a name is the course's."""
    trials = [trial("adam[learning_rate=1]"), trial("gd"), trial("adam"), trial("adam[learning_rate=1]")]
    assert {key: len(group) for key, group in by_optimizer(trials).items()} == {
        "adam[learning_rate=1]": 2,
        "gd": 1,
        "adam": 1,
    }
    assert first_named(trials, "adam") == [trials[0], trials[3]]
    assert list(others(trials, trials[0])) == ["gd", "adam"]
    with pytest.raises(ValueError, match="sgd has no result to draw"):
        first_named(trials, "sgd")


def test_axes_are_measured_by_stable_trials():
    """Calls are steps if each step costs one; a trial that diverged does not stretch the axis of losses."""
    assert unit_of([trial("gd")]) == "step"
    assert unit_of([trial("gd"), trial("lbfgs", calls=(0.0, 3.0))]) == "gradient calls"
    assert calls_label([trial("gd")]) == "1 + steps"
    assert calls_label([trial("gd"), trial("lbfgs", calls=(0.0, 3.0))]) == "1 + gradient calls"
    lost = trial("sgd", status="diverged", loss=(1.0, 1e9, math.inf))
    assert highest_loss([trial("gd"), lost]) == 3.0
    assert highest_loss([lost]) == 3e9
    assert side_changes(np.array([1.0, -1.0, -2.0, 0.0, 3.0, -1.0])) == 2


def test_turning_back_is_named_with_the_closest_step():
    """The first of equal ones; nine times closer is not enough."""
    gaps = {
        "adam": np.array([3.0, *[1.0] * 1199, 1e-3, 1e-3, 0.02]),
        "gd": np.array([3.0, 1.0, 9.0]),
        "sgd": np.array([2.0, 0.1, 2.0]),
    }
    assert turning_sentences(gaps) == [
        "On its way adam was as close as 0.001, after 1,200 steps.",
        "On its way sgd was as close as 0.1, after 1 step.",
    ]


def test_steps_are_a_range_if_trials_end_at_different_ones():
    """Lowest and highest, with thousands; one number if both look the same."""
    trials = [trial("gd", calls=range(steps + 1)) for steps in (3000, 7, 12)]
    assert steps_of(trials) == "7 to 3,000 steps"
    assert steps_of(trials[:1]) == "3,000 steps"
    assert range_of([2.04, 2.01], ".1f") == "2.0"


@pytest.mark.parametrize(
    ("module", "draw", "sentence"),
    [
        ("runge", runge.draw_training, "after 7 to 20 steps its medians are"),
        ("polynomial_network", draw_fit, f"{ADAGRAD} has a loss of [^,]* after 20 steps, for 20 calls"),
        ("breakpoints", draw_breakpoints, f"With {ADAGRAD}, after 7 to 8 steps: "),
        ("breakpoints", draw_activations, f"with {ADAGRAD} after 7 to 8 steps"),
        ("toy_mean", draw_paths, f"{ADAGRAD} takes 7 to 30 steps for 30 to 300 calls"),
    ],
)
def test_steps_are_those_of_all_seeds(monkeypatch, extended, drawn, module, draw, sentence):
    """The first seed of an added optimizer diverges after 7 steps; a median over stable trials leaves it out."""

    def shortened(study):
        trials = trials_of(study)
        for index, one in enumerate(trials):
            if one.optimizer == "torch.optim:Adagrad" and one.seed == 0:
                trials[index] = one._replace(steps=7, status=TrialStatus.DIVERGED)
        return trials

    monkeypatch.setattr(f"benchbed_course.figures.{module}.trials_of", shortened)
    (figure,) = (figure for figure in FIGURES if function_of(figure.draw) is draw)
    _, picture = drawn(draw, *(extended(suite) for suite in figure.suites))
    assert re.search(sentence, picture.caption)


def test_the_activations_name_the_optimizer_that_ran(study_of, drawn):
    """Steps of Adam are claimed only if Adam ran."""
    study = study_of("course-shallow-network", optimizers=["sgd[learning_rate=0.01]"], steps=4, seeds=2)
    _, picture = drawn(draw_activations, study)
    assert "Median losses: relu " in picture.caption
    assert "dam" not in picture.caption


@pytest.mark.parametrize(
    "figure", [figure for figure in FIGURES if figure.takes_optimizers], ids=lambda figure: figure.name
)
def test_added_optimizers_are_drawn_or_named(figure: Figure, extended, drawn):
    """Each that has a result is named in the picture and in the caption; the caption tells why one has none."""
    studies = [extended(suite) for suite in figure.suites]
    drawing, picture = drawn(function_of(figure.draw), *studies)
    assert "Not drawn, because they have no result:" in picture.caption
    assert "RuntimeError: no step" in picture.caption
    assert "The learning rate of torch.optim:Adagrad is its default, 0.01." in picture.caption
    texts = "".join(text.get_text().replace("\n", "") for text in drawing.findobj(Text))
    labels = {label for study in studies for one in trials_of(study) for label in [one.optimizer]} & set(
        LABELS
    )
    assert {"clip(adam)[clip_norm=0.5]", "torch.optim:Adagrad"} <= labels
    for label in labels:
        assert typeset(label) in picture.caption, label
        assert typeset(label) in texts, label
    assert {"png", "svg"} <= set(picture.files)


@pytest.mark.parametrize(
    "name", ["linear-regression-path", "quartic-paths", "quadratic-paths", "quadratic-rmsprop"]
)
def test_the_slider_has_the_loss_of_every_added_optimizer(name, extended, drawn):
    """Under its label as plain text, which a legend would break into lines."""
    (figure,) = (figure for figure in FIGURES if figure.name == name)
    _, picture = drawn(function_of(figure.draw), *(extended(suite) for suite in figure.suites))
    readings = json.loads(ElementTree.fromstring(picture.files["svg"]).get("data-readings"))
    assert not any("\n" in label or "\\" in label for label in readings)
    seed = ", seed 0" if name == "quartic-paths" else ""
    for label in ("clip(adam)[clip_norm=0.5] (η = 0.001)", "lbfgs (η = 1)", DIVERGES):
        assert f"{label}{seed}" in readings


def test_sentences_are_not_repeated_for_two_studies(extended):
    """Both studies of C1 have the same optimizers."""
    study = extended("course-quadratic")
    sentences = optimizer_sentences(study, study)
    assert sentences == optimizer_sentences(study)
    assert sentences[-1].startswith("Not drawn, because they have no result: ")
    assert "trials of mine on quadratic[start=[2, 2]] (failed)" in sentences[-1]


def test_a_skipped_trial_is_named_with_its_reason(study_of):
    """A step of gradient descent costs ten calls, of which the budget has nine."""
    problems = ["toy-mean[samples=320]"]
    study = study_of("course-toy-mean-sgd", problems=problems, optimizers=["sgd", "gd"], steps=9, seeds=1)
    (*_, sentence) = optimizer_sentences(study)
    assert "1 of 1 trials of gd on toy-mean[samples=320] (skipped)" in sentence
    assert "The reasons: " in sentence


def test_an_added_optimizer_has_one_colour_in_all_figures(extended, drawn):
    """In both figures of C3, although the suite's second learning rate is in one of them alone."""
    study = extended("course-shallow-network")
    looks = looks_of(trial for trial in trials_of(study) if trial.optimizer != SMOOTH_RUN)
    color = looks["torch.optim:Adagrad"].color
    activations, _ = drawn(draw_activations, study)
    lines = {line.get_label(): line for line in activations.axes[4].get_lines()}
    assert lines[wrap_label("torch.optim:Adagrad (η = 0.01): median seed")].get_color() == color
    breakpoints, _ = drawn(draw_breakpoints, study)
    (axes,) = [axes for axes in breakpoints.axes if axes.get_ylabel() == "torch.optim:Adagrad (η = 0.01)\ny"]
    fits = {line.get_label(): line for line in axes.get_lines()}
    assert fits["fit of median loss"].get_color() == color
