"""The same optimizers in NumPy with a manual gradient; without autograd, so a lower bound of the time."""

import numpy as np
from benchmark_utils.stepping import SteppingSolver


class Solver(SteppingSolver):
    """Solver with steps in NumPy."""

    name = "numpy"

    def make_step(self):
        """Set θ to the start and return a function that runs one step."""
        self.theta = self.start.copy()
        return getattr(self, f"_{self.optimizer}")()

    def get_result(self):
        """Return θ: `[dimension]`."""
        return {"theta": self.theta.copy()}

    def _sgd(self):
        def step():
            self.theta -= self.learning_rate * (self.eigenvalues * self.theta)

        return step

    def _momentum(self):
        average = np.zeros_like(self.theta)

        def step():
            nonlocal average
            average = 0.9 * average + 0.1 * (self.eigenvalues * self.theta)
            self.theta -= self.learning_rate * average

        return step

    def _rmsprop(self):
        mean_square = np.zeros_like(self.theta)

        def step():
            nonlocal mean_square
            gradient = self.eigenvalues * self.theta
            mean_square = 0.9 * mean_square + 0.1 * gradient**2
            self.theta -= self.learning_rate * gradient / (np.sqrt(mean_square) + 1e-8)

        return step

    def _adam(self):
        first, second, steps = np.zeros_like(self.theta), np.zeros_like(self.theta), 0

        def step():
            nonlocal first, second, steps
            gradient = self.eigenvalues * self.theta
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            steps += 1
            length = np.sqrt(second / (1 - 0.999**steps)) + 1e-8
            self.theta -= self.learning_rate / (1 - 0.9**steps) * first / length

        return step
