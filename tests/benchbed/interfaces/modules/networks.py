"""Networks on small random data as `ModuleProblem`s, one of each kind of layer."""

from dataclasses import dataclass

import torch
from torch import nn

from benchbed.interfaces import ModuleProblem

SAMPLES, VALIDATION, BATCH_SIZE = 50, 20, 8
IMAGES, VECTORS, TOKENS = "images", "vectors", "tokens"


class Residual(nn.Module):
    """A residual block with group normalization."""

    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.ReLU())

    def forward(self, x):
        return x + self.block(x)


class Transformer(nn.Module):
    """Embedding, a layer of attention with layer normalization, and tied output weights."""

    def __init__(self, dropout=0.0):
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=dropout, batch_first=True)
        self.output = nn.Linear(8, 11, bias=False)
        self.output.weight = self.embedding.weight

    def forward(self, x):
        return self.output(self.layer(self.embedding(x))).transpose(1, 2)


class Recurrent(nn.Module):
    """Recurrent layers in both directions over the rows of images."""

    def __init__(self, kind, dropout=0.0):
        super().__init__()
        self.layers = kind(6, 5, num_layers=2, batch_first=True, bidirectional=True, dropout=dropout)
        self.output = nn.Linear(10, 3)

    def forward(self, x):
        return self.output(self.layers(x[:, 0])[0][:, -1])


class Autoencoder(nn.Module):
    """A convolution and its transpose; the pixels of one image are classified."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Conv2d(1, 4, 3, stride=2), nn.ConvTranspose2d(4, 3, 4, stride=2)

    def forward(self, x):
        return self.decoder(self.encoder(x).relu()).mean(dim=(-1, -2))


def _images(*layers):
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), *layers, nn.Flatten(), nn.LazyLinear(3))


def _initialized(network):
    network(torch.zeros(2, 1, 6, 6))
    return network


NETWORKS = {
    "mlp": (VECTORS, lambda: nn.Sequential(nn.Linear(6, 7), nn.ReLU(), nn.Linear(7, 3))),
    "cnn": (IMAGES, lambda: _initialized(_images(nn.ReLU(), nn.MaxPool2d(2)))),
    "group-norm": (IMAGES, lambda: _initialized(_images(Residual(), nn.AdaptiveAvgPool2d(2)))),
    "batch-norm": (
        VECTORS,
        lambda: nn.Sequential(nn.Linear(6, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, 3)),
    ),
    "batch-norm-images": (
        IMAGES,
        lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(64, 3)),
    ),
    "transformer": (TOKENS, Transformer),
    "lstm": (IMAGES, lambda: Recurrent(nn.LSTM)),
    "gru": (IMAGES, lambda: Recurrent(nn.GRU)),
    "rnn": (IMAGES, lambda: Recurrent(nn.RNN)),
    "autoencoder": (IMAGES, Autoencoder),
    "dropout": (
        VECTORS,
        lambda: nn.Sequential(nn.Linear(6, 7), nn.ReLU(), nn.Dropout(0.4), nn.Linear(7, 3)),
    ),
    "dropout-channels": (
        IMAGES,
        lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.Dropout2d(0.4), nn.Flatten(), nn.Linear(64, 3)),
    ),
    "batch-norm-dropout": (
        VECTORS,
        lambda: nn.Sequential(nn.Linear(6, 7), nn.BatchNorm1d(7), nn.Dropout(0.4), nn.Linear(7, 3)),
    ),
}
"""Kind of the inputs, and a function that builds the network."""


@dataclass(frozen=True)
class Classification(ModuleProblem):
    """Classify random inputs."""

    network: str = "mlp"
    batch_size: int = BATCH_SIZE
    with_replacement: bool = False

    def make_network(self):
        return NETWORKS[self.network][1]()

    def make_data(self):
        kind = NETWORKS[self.network][0]
        count = SAMPLES + VALIDATION
        x = {
            IMAGES: torch.randn(count, 1, 6, 6),
            VECTORS: torch.randn(count, 6),
            TOKENS: torch.randint(11, (count, 5)),
        }[kind]
        y = x.roll(-1, dims=1) if kind == TOKENS else torch.randint(3, (count,))
        return (x[:SAMPLES], y[:SAMPLES]), (x[SAMPLES:], y[SAMPLES:])

    def loss_of(self, outputs, targets):
        return nn.functional.cross_entropy(outputs, targets)

    def measure_accuracy(self, outputs, targets):
        return (outputs.argmax(1) == targets).double().mean()
