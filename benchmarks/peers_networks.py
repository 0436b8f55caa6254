"""The networks of the comparison as problems: an MLP and a CNN on digits, and a transformer on generated text."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from benchbed.interfaces import ModuleProblem
from benchbed_problems.digits_mlp import DigitsMlp

LETTERS = 27
"""Of the text: a blank and a to z."""
CONTEXT = 16
"""Letters from which the transformer predicts the next one."""
WIDTH, HEADS = 16, 2
WINDOWS = 2_000


@dataclass(frozen=True)
class DigitsCnn(DigitsMlp):
    """Cross entropy of two convolutions with pooling and a linear layer."""

    def make_network(self) -> nn.Module:
        """Build the layers."""
        return nn.Sequential(
            *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.AvgPool2d(4)),
            *(nn.Flatten(), nn.Linear(16, 10)),
        )

    def make_data(self) -> tuple[Any, Any]:
        """Return images of one channel, with their digits."""
        return tuple((x.unflatten(1, (1, 8, 8)), y) for x, y in super().make_data())


@dataclass(frozen=True)
class CharTransformer(ModuleProblem):
    """Cross entropy of the next letter after each of 16, for a transformer with one block of width 16 and two heads."""

    batch_size: int = 64

    def make_network(self) -> nn.Module:
        """Build the transformer."""
        return Transformer()

    def make_data(self) -> tuple[tuple[Tensor, Tensor], None]:
        """Return windows of a random text in which each letter depends on the last two, and the windows after them."""
        generator = np.random.default_rng(0)
        # Of the 27 letters about three are likely after each pair.
        likely = generator.dirichlet(np.full(LETTERS, 0.1), size=(LETTERS, LETTERS))
        text = [0, 0]
        for chosen in generator.random(WINDOWS + CONTEXT):
            text.append(int(np.searchsorted(np.cumsum(likely[text[-2], text[-1]])[:-1], chosen)))
        windows = torch.tensor(text).unfold(0, CONTEXT + 1, 1)[:WINDOWS]
        return (windows[:, :-1].clone(), windows[:, 1:].clone()), None

    def loss_of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross entropy over windows and letters."""
        return cross_entropy(outputs.flatten(0, 1), targets.flatten())


class Transformer(nn.Module):
    """A transformer with one block, normalized before attention, before the two linear layers, and at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.place = nn.Embedding(LETTERS, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.before_attention = nn.LayerNorm(WIDTH)
        # A bias of the keys would cancel in the softmax, and Adam would magnify the rounding noise of its gradient.
        self.attention = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.mix = nn.Linear(WIDTH, WIDTH)
        self.before_hidden = nn.LayerNorm(WIDTH)
        self.hidden, self.out = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)
        self.before_head, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, LETTERS)

    def forward(self, letters: Tensor) -> Tensor:
        """Return the logits of the next letters: `[batch, CONTEXT, LETTERS]`."""
        x = self.token(letters) + self.place.weight
        heads = self.attention(self.before_attention(x)).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(*heads, is_causal=True)
        x = x + self.mix(mixed.transpose(1, 2).flatten(2))
        x = x + self.out(nn.functional.gelu(self.hidden(self.before_hidden(x))))
        return self.head(self.before_head(x))


NETWORKS: dict[str, ModuleProblem] = {
    "digits-mlp": DigitsMlp(),
    "digits-cnn": DigitsCnn(),
    "char-transformer": CharTransformer(),
}
