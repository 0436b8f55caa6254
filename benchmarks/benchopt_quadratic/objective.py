"""The quadratic bowl ½ Σ λᵢ θᵢ², a budget of steps, and its value at every checkpoint."""

from typing import ClassVar

from benchopt import BaseObjective
from benchopt.stopping_criterion import NoCriterion


class Objective(BaseObjective):
    """Every solver makes `steps` steps, however flat the curve."""

    name = "quadratic"
    parameters: ClassVar = {"steps": [1_000]}
    test_config: ClassVar = {"steps": 20}
    sampling_strategy = "callback"
    stopping_criterion = NoCriterion()

    def set_data(self, eigenvalues, start):
        """Take a dataset's eigenvalues and start, both `[dimension]`."""
        self.eigenvalues, self.start = eigenvalues, start

    def get_objective(self):
        """Give a solver what it needs."""
        return {"eigenvalues": self.eigenvalues, "start": self.start, "steps": self.steps}

    def get_one_result(self):
        """Give the start, for benchopt's own checks."""
        return {"theta": self.start}

    def evaluate_result(self, theta):
        """Give the value, and θ itself, so that it can be compared with that of others."""
        coordinates = {f"theta_{place}": float(value) for place, value in enumerate(theta)}
        return {"value": 0.5 * float((self.eigenvalues * theta**2).sum()), **coordinates}
