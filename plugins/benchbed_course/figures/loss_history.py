"""The loss of a trial at regular steps, as the training loop of the document prints it."""

from benchbed_course.figures.trials import Trial

EVERY = 5_000
"""Steps between two lines of the document's loop."""


def losses_every(trial: Trial, every: int = EVERY) -> list[tuple[int, float]]:
    """Return step and loss of the first checkpoint at or after each multiple of `every` steps, without repetitions."""
    steps = trial.calls.round().astype(int)  # Adam's steps take one call each
    multiples = range(every, int(steps[-1]) + 1, every)
    indices = dict.fromkeys(int(steps.searchsorted(multiple)) for multiple in multiples)
    return [(int(steps[index]), float(trial.loss[index])) for index in indices]


def loss_table(trial: Trial, every: int = EVERY) -> list[str]:
    """Format the losses as lines of a caption; no lines for a trial of fewer steps than `every`."""
    rows = [f"    step {step:>9,}   loss {loss:.3e}" for step, loss in losses_every(trial, every)]
    if not rows:
        return []
    table = "\n".join(rows)
    return [f"The loss over all samples at the first checkpoint from each {every:,} steps on:\n\n{table}\n"]
