"""The quadratic ½ Σ λᵢ θᵢ², evaluated at every checkpoint of a number of steps."""

from typing import ClassVar

from benchopt import BaseObjective
from benchopt.stopping_criterion import NoCriterion


class Objective(BaseObjective):
    """Objective without a stopping criterion: every solver runs `steps` steps."""

    name = "quadratic"
    parameters: ClassVar = {"steps": [1_000]}
    test_config: ClassVar = {"steps": 20}
    sampling_strategy = "callback"
    stopping_criterion = NoCriterion()

    def set_data(self, eigenvalues, start):
        """Store eigenvalues and start of a dataset, both `[dimension]`."""
        self.eigenvalues, self.start = eigenvalues, start

    def get_objective(self):
        """Return the arguments of a solver."""
        return {"eigenvalues": self.eigenvalues, "start": self.start, "steps": self.steps}

    def get_one_result(self):
        """Return the start, for the checks of benchopt."""
        return {"theta": self.start}

    def evaluate_result(self, theta):
        """Return the value, and θ for comparison with other tools."""
        coordinates = {f"theta_{index}": float(value) for index, value in enumerate(theta)}
        return {"value": 0.5 * float((self.eigenvalues * theta**2).sum()), **coordinates}
