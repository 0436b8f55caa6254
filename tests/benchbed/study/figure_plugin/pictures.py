"""A plugin with three suites and figures of several parts, loaded by the tests of figures and of the course."""

from pathlib import Path

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Figure, Picture


def draw(study):
    """Return files that are not images, and count the trials."""
    assert list(study.results.problems) == ["quadratic[start=2]"]
    caption = f"{len(study.trials)} trials of {study.plan.evaluation_seeds} seeds."
    return Picture({"png": b"png", "gif": b"gif"}, caption)


def draw_both(full, short):
    """Compare two studies."""
    return Picture(
        {"png": b"png"}, f"Budgets of {full.plan.problems[0].budget} and {short.plan.problems[0].budget}."
    )


def draw_optimizers(study):
    """Name the optimizers that have results."""
    return Picture({"png": b"png"}, f"Optimizers: {', '.join(study.results.optimizers)}.")


def measure():
    """Return two numbers."""
    return {"numbers": (1, 2.5)}


def draw_measured(measured):
    """Draw a measurement."""
    return Picture({"png": b"png"}, f"The numbers are {measured['numbers']}.")


def fail(study):
    """Raise an error."""
    raise RuntimeError("no ink")


@hookimpl
def register_suites(register):
    """Register three suites."""
    folder = Path(__file__).parent
    register(folder / "tiny.toml")
    register(folder / "tiny-full.toml")
    register(folder / "tiny-other.toml")


@hookimpl
def register_figures(register):
    """Register figures of several parts, the last part first."""
    register(Figure("z10", "Last", draw, suite="tiny", part="Z10"))
    register(Figure("z2-measured", "Measured", draw_measured, measure=measure, part="Z2"))
    register(Figure("z3-fails", "Fails", fail, suite="tiny", part="Z3"))
    register(Figure("z4-both", "Both", draw_both, suite=("tiny-full", "tiny"), part="Z4"))
    register(
        Figure("z5-takes", "Takes", draw_optimizers, suite="tiny-other", part="Z5", takes_optimizers=True)
    )
    register(Figure("apart", "Of no course", draw, suite="tiny"))
