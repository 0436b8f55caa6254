"""Instances of benchbed's `quadratic`: eigenvalues 1 and 100, starts of the evaluation seeds."""

import csv
from pathlib import Path
from typing import ClassVar

import numpy as np
from benchopt import BaseDataset

STARTS = Path(__file__).parents[1] / "starts.csv"


class Dataset(BaseDataset):
    """One instance for each seed."""

    name = "simulated"
    parameters: ClassVar = {"seed": [0, 1, 2]}
    test_parameters: ClassVar = {"seed": [0]}

    def get_data(self):
        """Return the eigenvalues and the start of this seed, both `[dimension]`."""
        with STARTS.open(encoding="utf-8", newline="") as lines:
            starts = [[float(value) for value in row] for row in csv.reader(lines)]
        return {"eigenvalues": np.array([1.0, 100.0]), "start": np.array(starts[self.seed])}
