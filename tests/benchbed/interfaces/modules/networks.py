"""Networks on small random data as `ModuleProblem`s, one of each kind of layer."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from benchbed.interfaces import ModuleProblem

SAMPLES, VALIDATION, BATCH_SIZE = 50, 20, 8
IMAGES, VECTORS, TOKENS, BAGS = "images", "vectors", "tokens", "bags"


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


class PaddedEncoder(nn.Module):
    """An encoder of sequences, in which the token 0 is masked behind the first position."""

    def __init__(self):
        super().__init__()
        self.embedding, self.output = nn.Embedding(11, 8), nn.Linear(8, 3)
        layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)

    def forward(self, x):
        is_padding = (x == 0) & (torch.arange(x.shape[-1]) > 0)
        return self.output(self.encoder(self.embedding(x), src_key_padding_mask=is_padding)[:, 0])


class Recurrent(nn.Module):
    """Recurrent layers over three rows of images, two in both directions by default."""

    def __init__(self, kind, dropout=0.0, num_layers=2, bidirectional=True):
        super().__init__()
        self.layers = kind(
            6, 5, num_layers=num_layers, batch_first=True, bidirectional=bidirectional, dropout=dropout
        )
        self.output = nn.Linear(10 if bidirectional else 5, 3)

    def forward(self, x):
        return self.output(self.layers(x[:, 0, :3])[0][:, -1])


class Autoencoder(nn.Module):
    """A convolution and its transpose; the pixels of one image are classified."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Conv2d(1, 4, 3, stride=2), nn.ConvTranspose2d(4, 3, 4, stride=2)

    def forward(self, x):
        return self.decoder(self.encoder(x).relu()).mean(dim=(-1, -2))


class UNet(nn.Module):
    """Features of two scales, joined after interpolation."""

    def __init__(self):
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.output = nn.Conv2d(12, 3, 3, padding=1)

    def forward(self, x):
        fine = self.fine(x).relu()
        coarse = self.coarse(functional.max_pool2d(fine, 2)).relu()
        coarse = functional.interpolate(coarse, scale_factor=2, mode="bilinear")
        return self.output(torch.cat([fine, coarse], dim=1)).mean(dim=(-1, -2))


class Cells(nn.Module):
    """Single recurrent steps over the rows of images."""

    def __init__(self):
        super().__init__()
        self.gru, self.lstm, self.rnn = nn.GRUCell(6, 5), nn.LSTMCell(5, 4, bias=False), nn.RNNCell(4, 3)

    def forward(self, x):
        h = x.new_zeros(len(x), 5)
        for row in x[:, 0, :2]:
            h = self.gru(row.mean(dim=0).expand(len(x), 6) + x[:, 0, 0], h)
        return self.rnn(self.lstm(h)[0])


class Reassigned(nn.Module):
    """A running mean that every step replaces, a counter, a mask and a constant table."""

    def __init__(self):
        super().__init__()
        self.output = nn.Linear(6, 3)
        self.register_buffer("mean", torch.zeros(6))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))
        self.register_buffer("mask", torch.tensor([True, False] * 3))
        self.register_buffer("table", torch.arange(6.0), persistent=False)

    def forward(self, x):
        if self.training:
            self.count += 1
            self.mean = 0.9 * self.mean + 0.1 * x.detach().mean(dim=0)
        return self.output(torch.where(self.mask, x - self.mean, x * self.table))


class Cube(torch.autograd.Function):
    """A function with a derivative of its own."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x**3

    @staticmethod
    def setup_context(ctx, inputs, _):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gradient):
        return 3 * ctx.saved_tensors[0].square() * gradient


class Cubes(nn.Module):
    """A layer with a function of its own, and outputs in a dictionary."""

    def __init__(self):
        super().__init__()
        self.hidden, self.output = nn.Linear(6, 5), nn.Linear(5, 3)

    def forward(self, x):
        hidden = Cube.apply(self.hidden(x))
        return {"hidden": hidden, "outputs": self.output(hidden)}


class ResidualMlp(nn.Sequential):
    """Residual layers with layer normalization."""

    def forward(self, x):
        for layer in self[:-1]:
            x = x + layer(functional.layer_norm(x, (6,)))
        return self[-1](x)


def _normed(norm, hidden=7):
    return nn.Sequential(norm(nn.Linear(6, hidden)), nn.ReLU(), nn.Linear(hidden, 3))


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
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(64, 3)
        ),
    ),
    "transformer": (TOKENS, Transformer),
    "padded-encoder": (BAGS, PaddedEncoder),
    "lstm": (IMAGES, lambda: Recurrent(nn.LSTM)),
    "gru": (IMAGES, lambda: Recurrent(nn.GRU)),
    "rnn": (IMAGES, lambda: Recurrent(nn.RNN)),
    "short-lstm": (IMAGES, lambda: Recurrent(nn.LSTM, 0.0, num_layers=1, bidirectional=False)),
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
        lambda: nn.Sequential(
            nn.Linear(6, 7), nn.BatchNorm1d(7), nn.Dropout(0.4, inplace=True), nn.Linear(7, 3)
        ),
    ),
    "residual-mlp": (VECTORS, lambda: ResidualMlp(nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3))),
    "u-net": (IMAGES, UNet),
    "depthwise": (
        IMAGES,
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3, groups=4), nn.Flatten(), nn.Linear(32, 3)
        ),
    ),
    "sequences": (
        IMAGES,
        lambda: nn.Sequential(
            nn.Flatten(1, 2),
            nn.Conv1d(6, 4, 3, dilation=2),
            nn.AdaptiveMaxPool1d(1),
            nn.Flatten(),
            nn.Linear(4, 3),
        ),
    ),
    "embedding-bag": (BAGS, lambda: nn.Sequential(nn.EmbeddingBag(11, 6), nn.Linear(6, 3))),
    "embedding-bag-frequencies": (
        BAGS,
        lambda: nn.Sequential(nn.EmbeddingBag(11, 6, scale_grad_by_freq=True, mode="sum"), nn.Linear(6, 3)),
    ),
    "padding": (
        BAGS,
        lambda: nn.Sequential(nn.Embedding(11, 4, padding_idx=0), nn.Flatten(), nn.Linear(20, 3)),
    ),
    "spectral-norm": (VECTORS, lambda: _normed(nn.utils.parametrizations.spectral_norm)),
    "weight-norm": (VECTORS, lambda: _normed(nn.utils.parametrizations.weight_norm)),
    "cells": (IMAGES, Cells),
    "custom-function": (VECTORS, Cubes),
    "reassigned": (VECTORS, Reassigned),
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
            BAGS: torch.randint(11, (count, 5)),
        }[kind]
        y = x.roll(-1, dims=1) if kind == TOKENS else torch.randint(3, (count,))
        return (x[:SAMPLES], y[:SAMPLES]), (x[SAMPLES:], y[SAMPLES:])

    def loss_of(self, outputs, targets):
        outputs = outputs["outputs"] if isinstance(outputs, dict) else outputs
        return functional.cross_entropy(outputs, targets)

    def measure_accuracy(self, outputs, targets):
        outputs = outputs["outputs"] if isinstance(outputs, dict) else outputs
        return (outputs.argmax(1) == targets).double().mean()
