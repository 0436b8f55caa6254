"""Logistic regression on real measurements, well or badly conditioned."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus

from benchbed_problems.linear_classifiers import LinearClassifier


@dataclass(frozen=True)
class LogisticRegression(LinearClassifier):
    """Logistic regression of the breast cancer data: mean log(1 + exp(−y (w · x + b))) + ½ `penalty` ‖θ‖².

    It isolates the condition number of real data: if `standardized`, each of the 30 features has mean 0 and variance 1
    on the training samples; otherwise they differ by factors of up to 10⁵. 464 of the 569 samples, fixed by a hash, are
    for training, the others for the metrics. Trials start at N(0, 0.1²) and draw `batch_size` samples a step, with
    replacement, or use all if it is None. The optimum is computed by Newton's method to a gradient of norm 10⁻¹².

    Source: the data: Wolberg, Mangasarian, Street and Street (1995), Breast Cancer Wisconsin (Diagnostic), in
    scikit-learn (`load_breast_cancer`).
    """

    batch_size: int | None = 32
    penalty: float = 1e-3
    standardized: bool = True

    group = "geometry"
    data_name = "breast-cancer"
    outputs = 1

    def make_labels(self, classes: Tensor) -> Tensor:
        """Return −1 for malignant and 1 for benign: `[samples, 1]`."""
        return (2.0 * classes.double() - 1).unsqueeze(-1)

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Compute log(1 + exp(−y z)): `[..., samples]`."""
        return softplus(-labels * logits).squeeze(-1)

    def is_correct(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return whether y z is positive: `[..., samples]`."""
        return (labels * logits).squeeze(-1) > 0

    def curvature(self, logits: Tensor) -> Tensor:
        """Compute p (1 − p): `[samples, 1, 1]`."""
        probability = logits.sigmoid()
        return (probability * (1 - probability)).unsqueeze(-1)
