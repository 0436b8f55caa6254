"""Make a fixed number of steps, and have the objective evaluated at the checkpoints that benchbed uses."""

from abc import abstractmethod
from typing import ClassVar

from benchopt import BaseSolver

from benchmark_utils.checkpoints import checkpoints

OPTIMIZERS = ["sgd", "momentum", "rmsprop", "adam"]
RATES = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2]


class SteppingSolver(BaseSolver):
    """A solver that steps `steps` times and calls back before each step."""

    parameters: ClassVar = {"optimizer": OPTIMIZERS, "learning_rate": RATES}
    test_config: ClassVar = {"optimizer": "adam", "learning_rate": 1e-3}

    def set_objective(self, eigenvalues, start, steps):
        """Take the instance, both `[dimension]`, and the budget."""
        self.eigenvalues, self.start, self.steps = eigenvalues, start, steps

    def warm_up(self):
        """Make a few steps that are not timed: torch loads parts of itself at the first."""
        self.run_once(3)

    def get_next(self, stop_val):
        """Give the next of the steps to evaluate at: every one up to 10, then 20 a decade."""
        return next(step for step in checkpoints() if step > stop_val)

    def run(self, callback):
        """Step until the budget is spent; benchopt evaluates what is left at the end."""
        step = self.make_step()
        for _ in range(self.steps):
            if not callback():
                return
            step()

    @abstractmethod
    def make_step(self):
        """Place θ at the start, and give a function that makes one step."""
