"""Train and test loss of polynomial fits against their size: in closed form, and after training."""

import numpy as np
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture
from benchbed.plotting import Color, LineStyle, theme, wrap_label
from benchbed_course.figures.canvas import LOOKS, TRUTH, canvas, picture
from benchbed_course.figures.least_squares import (
    Basis,
    FitLosses,
    closed_form,
    descent,
    median,
    samples_of,
    stopped_early,
)
from benchbed_course.figures.optimizers import (
    by_optimizer,
    first_named,
    label_of,
    looks_of,
    optimizer_sentences,
    steps_of,
)
from benchbed_course.figures.trials import Trial, trials_of
from benchbed_problems.runge import Runge

BASES: tuple[Basis, ...] = ("chebyshev", "monomial")
TRAIN: Color = (0.48, 0.50, 0.53)
TEST: Color = (0.34, 0.18, 0.55)
FLOOR = 1e-6
"""Lower limit of the loss axis: from d = I on, training losses are 0 up to rounding."""
MUCH_LATER = 1_000_000
"""Steps of gradient descent for which the theory is drawn as well."""
FRAME_TOP = 1e4
"""Upper limit of the loss axis after training."""
PEAK = 2.0
"""A loss at the threshold counts as a peak if it is this many times that of the fewest and of the most features."""


def draw_threshold(study: Study) -> Picture:
    """Draw train and test loss of least squares in both bases, on both sides of the interpolation threshold."""
    threshold, losses = threshold_of(study), [closed_form(study.plan, basis) for basis in BASES]
    with theme("runge-threshold"):
        figure, panels = canvas(columns=2, width=9.0, height=3.9)
        for axes, basis, basis_losses in zip(panels, BASES, losses, strict=True):
            _draw_seeds(axes, basis_losses.train, TRAIN, "train loss")
            _draw_seeds(axes, basis_losses.test, TEST, "test loss")
            _mark_threshold(axes, threshold)
            title = f"{basis.capitalize()} basis, median and each of {basis_losses.test.shape[1]} seeds"
            axes.set(title=title, xlabel="features d", ylabel="loss", yscale="log")
            axes.set_ylim(FLOOR, 30 * max(each.test.max() for each in losses))
        panels[0].legend(loc="upper right")
        return picture(figure, *_threshold_caption(losses[0], losses[1], threshold))


def draw_training(study: Study) -> Picture:
    """Draw the test losses that optimizers reach in their budget and those of the closed form."""
    trials, closed = trials_of(study), median(closed_form(study.plan, "chebyshev").test)
    gd, looks = first_named(trials, "gd"), looks_of(trials)
    rate, color, sizes = gd[0].setting["learning_rate"], LOOKS["gd"].color, np.arange(1, len(closed) + 1)
    late = median(stopped_early(study.plan, "chebyshev", rate, MUCH_LATER))
    early = median(stopped_early(study.plan, "chebyshev", rate, gd[0].steps))
    with theme("runge-training"):
        figure, (axes,) = canvas(height=4.4, width=7.5)
        axes.semilogy(sizes, closed, color=TRUTH, label="closed form, of least norm")
        for values, dashes, steps in ((late, ":", MUCH_LATER), (early, "--", gd[0].steps)):
            label = f"theory: gd after {steps:,} steps"
            axes.semilogy(sizes, values, dashes, color=color, linewidth=1.1, label=label)
        for selector, group in by_optimizer(trials).items():
            _draw_ends(axes, group, looks[selector])
        _mark_threshold(axes, threshold_of(study))
        axes.set(
            xlabel="features d", ylabel="test loss", title="Chebyshev basis: test loss, medians and each seed"
        )
        axes.set_ylim(3e-3, FRAME_TOP)
        axes.legend(loc="upper left")
        return picture(figure, *_training_caption(study, trials, closed, late), *optimizer_sentences(study))


def threshold_of(study: Study) -> int:
    """Return the number of samples I: with so many features the fit interpolates."""
    return Runge(**study.plan.problems[0].parameters).samples


def ends_by_size(trials: list[Trial]) -> dict[int, np.ndarray]:
    """Return the final test losses `[seeds]` of an optimizer's trials by the number of features."""
    sizes = sorted({len(trial.theta) for trial in trials})
    return {
        size: np.array(
            [trial.metrics.get("test-loss", np.inf) for trial in trials if len(trial.theta) == size]
        )
        for size in sizes
    }


def medians_by_size(trials: list[Trial]) -> dict[int, float]:
    """Return the median of the final test losses by the number of features."""
    return {size: float(median(values)) for size, values in ends_by_size(trials).items()}


def verdict(trials: list[Trial], threshold: int, closed: float) -> str:
    """Describe whether an optimizer's trials show the peak, compared with its height `closed` in closed form."""
    medians = medians_by_size(trials)
    if threshold not in medians:
        return "has no result at the threshold"
    height, ends = medians[threshold], max(medians[min(medians)], medians[max(medians)])
    if height < max(medians.values()) or height <= PEAK * ends:
        return "shows no such peak"
    return f"shows a peak at the threshold, {closed / height:.0e} times lower"


def course_label(trial: Trial) -> str:
    """Return name and learning rate of an optimizer that fixes nothing else, such as "gd, η = 0.1"."""
    rate = trial.setting.get("learning_rate")
    is_plain = rate is not None and trial.optimizer == f"{trial.name}[learning_rate={rate:g}]"
    return f"{trial.name}, η = {rate:g}" if is_plain else label_of(trial)


def departure(study: Study, gd: list[Trial]) -> float:
    """Return the largest distance of an end of gradient descent from the theory, relative to the length of θ."""
    problems = {problem.label: Runge(**problem.parameters) for problem in study.plan.problems}
    ratios = []
    for trial in gd:
        data = samples_of(study.plan, problems[trial.problem])
        theory = descent(data, trial.setting["learning_rate"], trial.steps)[trial.seed]
        ratios.append(np.linalg.norm(trial.theta - theory) / np.linalg.norm(theory))
    return float(max(ratios))


def _draw_seeds(axes: Axes, values: np.ndarray, color: Color, label: str) -> None:
    sizes = np.arange(1, len(values) + 1)
    axes.plot(sizes, values, color=color, alpha=0.35, linewidth=0.5)
    axes.plot(sizes, median(values), color=color, linewidth=2.0, label=label)


def _mark_threshold(axes: Axes, threshold: int) -> None:
    axes.axvline(threshold, color=TRUTH, linestyle=":", linewidth=1.0)
    axes.annotate(f" d = I = {threshold}", (threshold, 0.015), xycoords=("data", "axes fraction"), fontsize=8)


def _draw_ends(axes: Axes, trials: list[Trial], look: LineStyle) -> None:
    """Draw the median and each seed of the sizes that were trained; a line would invent the sizes between them."""
    for size, values in ends_by_size(trials).items():
        axes.plot(np.full(len(values), size), values, look.marker, color=look.color, markersize=3, alpha=0.35)
    medians = medians_by_size(trials)
    label = wrap_label(f"{course_label(trials[0])}, {steps_of(trials)}")
    axes.plot(list(medians), list(medians.values()), look.marker, color=look.color, markersize=8,
              markeredgecolor="white", markeredgewidth=0.6, linestyle="none", label=label)  # fmt: skip


def _threshold_caption(chebyshev: FitLosses, monomial: FitLosses, threshold: int) -> tuple[str, ...]:
    seeds, index = chebyshev.test.shape[1], threshold - 1
    peaks, largest = chebyshev.test.argmax(0) + 1, len(chebyshev.test)
    peak_counts = [f"d = {size} in {(peaks == size).sum()}" for size in sorted(set(peaks.tolist()))]
    train, test, monomial_test = median(chebyshev.train), median(chebyshev.test), median(monomial.test)
    later_peaks = int((monomial.test[threshold:].max(0) > monomial.test[index]).sum())
    rest, verb = train[index:].max(), "comes down to" if test[-1] < test[index] / PEAK else "is still"
    monomial_verb = "does not come" if monomial_test[-1] > monomial_test[index] / PEAK else "comes"
    return (
        f"Least squares, of least norm for d > I = {threshold}. The median training loss is {train[0]:.2g} at d = 1,",
        f"{train[index - 1]:.1g} at d = {index}, and {'0 up to rounding' if rest < FLOOR else f'at most {rest:.1g}'}",
        f"from d = {threshold} on, where the polynomial interpolates. With Chebyshev polynomials the test loss peaks",
        f"at {' and at '.join(peak_counts)} of {seeds} seeds; its median is {test.min():.2g} at best",
        f"(d = {test.argmin() + 1}), {test[index]:.1e} at d = {threshold}, and {verb} {test[-1]:.2g} at",
        f"d = {largest}. With monomials it {monomial_verb} down again: the median is {monomial_test[index]:.1e} at",
        f"d = {threshold}, between {monomial_test[threshold:].min():.1e} and {monomial_test[threshold:].max():.1e}",
        f"beyond it, and {monomial_test[-1]:.1e} at d = {largest}; in {later_peaks} of {seeds} seeds the largest test",
        "loss lies beyond the threshold.",
    )


def _training_caption(
    study: Study, trials: list[Trial], closed: np.ndarray, late: np.ndarray
) -> tuple[str, ...]:
    threshold, sentences, heights = threshold_of(study), [], {}
    for selector, own_trials in by_optimizer(trials).items():
        heights[selector] = medians_by_size(own_trials).get(threshold, np.inf)
        medians = ", ".join(
            f"{value:.2g} (d = {size})" for size, value in medians_by_size(own_trials).items()
        )
        sentences.append(
            f"{course_label(own_trials[0])}, {verdict(own_trials, threshold, closed[threshold - 1])}: after"
            f" {steps_of(own_trials)} its medians are {medians}."
        )
    gd = first_named(trials, "gd")
    height = closed[threshold - 1]
    is_regular = heights[gd[0].optimizer] < height / PEAK
    frame = ", far above the frame" if height > 10 * FRAME_TOP else ""
    regular = "Early stopping regularizes, because the peak lies along directions of tiny curvature."
    return (
        f"The closed form's median test loss is {height:.1e} at d = I = {threshold}{frame}. Does training get there?",
        *sentences,
        *([regular] if is_regular else []),
        f"gd agrees with the theory of early stopping to {departure(study, gd):.0e}; after {MUCH_LATER:,} steps it",
        f"would have a median of {late[threshold - 1]:.2g} at d = {threshold}, and its largest median,",
        f"{late.max():.2g}, at d = {late.argmax() + 1}.",
    )
