"""Findings about networks: convolution helps where neighbours mean something."""

from collections.abc import Iterator
from typing import Literal

import torch

from benchbed_findings.record import Finding, Mean, Panel, near_means, series_of_means
from benchbed_problems.mnist1d import Mnist1d

NETWORKS: dict[str, Literal["linear", "mlp", "cnn"]] = {"linear map": "linear", "MLP": "mlp", "CNN": "cnn"}
PUBLISHED = {"signals": (0.32, 0.68, 0.94), "shuffled positions": (0.32, 0.68, 0.56)}
"""Accuracies of the networks on MNIST-1D."""


def networks() -> Iterator[Finding]:
    """Convolution helps on MNIST-1D, and only where neighbours mean something."""
    accuracies = {
        label: [
            _train(Mnist1d(network=network, shuffled=label != "signals")) for network in NETWORKS.values()
        ]
        for label in PUBLISHED
    }
    names = list(NETWORKS)
    panel: Panel | None = Panel(
        "MNIST-1D, 100 epochs of Adam",
        "network",
        "accuracy on test signals",
        [
            series_of_means(label, names, means, (names, PUBLISHED[label]))
            for label, means in accuracies.items()
        ],
        "published",
        log_y=False,
    )
    for label, means in accuracies.items():
        yield near_means(
            f"MNIST-1D, {label}: accuracies of a {', an '.join(names[:2])} and a {names[2]}",
            PUBLISHED[label],
            means,
            "Greydanus (2020)",
            panel,
        )
        panel = None


def _train(problem: Mnist1d) -> Mean:
    """Return the accuracy after 100 epochs of Adam with the published rate, with the standard error of the test set."""
    (x, y), (test_x, test_y) = problem.make_data()
    torch.manual_seed(0)
    network = problem.make_network()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(100):
        for positions in torch.randperm(len(x)).split(100):
            optimizer.zero_grad()
            problem.loss_of(network(x[positions]), y[positions]).backward()
            optimizer.step()
    with torch.no_grad():
        accuracy = problem.measure_accuracy(network(test_x), test_y).item()
    return Mean(accuracy, (accuracy * (1 - accuracy) / len(test_y)) ** 0.5)
