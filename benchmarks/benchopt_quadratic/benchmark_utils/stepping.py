"""Base class of solvers that run a fixed number of steps and are evaluated at benchbed's checkpoints."""

from abc import abstractmethod
from typing import ClassVar

from benchopt import BaseSolver

from benchmark_utils.checkpoints import checkpoints

OPTIMIZERS = ["sgd", "momentum", "rmsprop", "adam"]
RATES = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2]


class SteppingSolver(BaseSolver):
    """Solver that runs `steps` steps and calls back before each of them."""

    parameters: ClassVar = {"optimizer": OPTIMIZERS, "learning_rate": RATES}
    test_config: ClassVar = {"optimizer": "adam", "learning_rate": 1e-3}

    def set_objective(self, eigenvalues, start, steps):
        """Store the instance, both `[dimension]`, and the number of steps."""
        self.eigenvalues, self.start, self.steps = eigenvalues, start, steps

    def warm_up(self):
        """Run a few untimed steps, because torch loads modules at the first."""
        self.run_once(3)

    def get_next(self, stop_val):
        """Return the next checkpoint: every step up to 10, then 20 a decade."""
        return next(step for step in checkpoints() if step > stop_val)

    def run(self, callback):
        """Run the steps until benchopt stops them; it evaluates the last point itself."""
        step = self.make_step()
        for _ in range(self.steps):
            if not callback():
                return
            step()

    @abstractmethod
    def make_step(self):
        """Set θ to the start and return a function that runs one step."""
