"""Instances of benchbed's `quadratic`: eigenvalues 1 and 100, the starts of its evaluation seeds."""

import csv
from pathlib import Path
from typing import ClassVar

import numpy as np
from benchopt import BaseDataset

STARTS = Path(__file__).parents[1] / "starts.csv"


class Dataset(BaseDataset):
    """One instance a seed."""

    name = "simulated"
    parameters: ClassVar = {"seed": [0, 1, 2]}
    test_parameters: ClassVar = {"seed": [0]}

    def get_data(self):
        """Give the eigenvalues and this seed's start, both `[dimension]`."""
        with STARTS.open(encoding="utf-8", newline="") as lines:
            starts = [[float(value) for value in row] for row in csv.reader(lines)]
        return {"eigenvalues": np.array([1.0, 100.0]), "start": np.array(starts[self.seed])}
