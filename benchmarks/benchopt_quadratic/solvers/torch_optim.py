"""Loops over `torch.optim` with autograd: the same computation as benchbed, one trial at a time."""

import torch
from benchmark_utils.stepping import SteppingSolver


class Solver(SteppingSolver):
    """Solver with steps of a `torch.optim.Optimizer`."""

    name = "torch"
    requirements = ["pip::torch"]  # noqa: RUF012 (benchopt reads it without importing, as a plain assignment)

    def make_step(self):
        """Set θ to the start and return a function that runs one step."""
        eigenvalues = torch.from_numpy(self.eigenvalues)
        self.theta = torch.nn.Parameter(torch.from_numpy(self.start).clone())
        optimizer = self._optimizer()

        def step():
            optimizer.zero_grad()
            loss = 0.5 * (eigenvalues * self.theta.square()).sum()
            loss.backward()
            optimizer.step()

        return step

    def _optimizer(self):
        rate, theta = self.learning_rate, [self.theta]
        if self.optimizer == "sgd":
            return torch.optim.SGD(theta, lr=rate)
        if self.optimizer == "momentum":  # benchbed averages gradients, torch sums them
            return torch.optim.SGD(theta, lr=0.1 * rate, momentum=0.9)
        if self.optimizer == "rmsprop":
            return torch.optim.RMSprop(theta, lr=rate, alpha=0.9)
        return torch.optim.Adam(theta, lr=rate)

    def get_result(self):
        """Return θ: `[dimension]`."""
        return {"theta": self.theta.detach().numpy().copy()}
