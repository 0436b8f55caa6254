"""A small transformer that learns a Markov chain, whose entropy rate is known exactly."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from benchbed.interfaces import ModuleProblem

DATA_SEED = 0
VALIDATION_SAMPLES = 256
WIDTH = 32


class Block(nn.Module):
    """Causal attention of two heads and a dense layer, each after a normalization and with a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_of_attention, self.norm_of_dense = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.project, self.merge = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.dense = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        """Transform `x: [samples, context, width]`."""
        heads = self.project(self.norm_of_attention(x)).unflatten(-1, (3, 2, WIDTH // 2))
        query, key, value = heads.movedim(-3, 0).transpose(-3, -2)
        attended = scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.merge(attended.transpose(-3, -2).flatten(-2))
        result: Tensor = x + self.dense(self.norm_of_dense(x))
        return result


class Transformer(nn.Module):
    """Embeddings of words and positions, blocks, a normalization and logits."""

    def __init__(self, vocabulary: int, context: int, layers: int) -> None:
        super().__init__()
        self.words, self.positions = nn.Embedding(vocabulary, WIDTH), nn.Embedding(context, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(layers)))
        self.logits = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, vocabulary))

    def forward(self, words: Tensor) -> Tensor:
        """Return the logits of the next words, `[samples, vocabulary, context]`."""
        logits: Tensor = self.logits(self.blocks(self.words(words) + self.positions.weight))
        return logits.transpose(-2, -1)


@dataclass(frozen=True)
class MarkovTransformer(ModuleProblem):
    """Transformer of width 32 with `layers` blocks that predicts a Markov chain of `vocabulary` states.

    It shows attention, embeddings and normalization. The rows of the transition matrix are softmax values of normal
    numbers with deviation 2, drawn once for all instances, as are `samples` sequences of `context` + 1 states for
    training and 256 for validation. Targets are validation losses: the entropy rate of the chain, which no model is
    below in expectation, plus a distance. Trials start at torch's initialization and draw `batch_size` sequences a step
    in shuffled epochs, or independently if `with_replacement`.

    Source: the entropy rate Σ πᵢ Hᵢ: Cover and Thomas (2006), Elements of Information Theory, theorem 4.2.4.
    """

    vocabulary: int = 32
    context: int = 16
    layers: int = 1
    samples: int = 2_000
    batch_size: int = 32
    with_replacement: bool = False

    target_metric = "validation-loss"

    @property
    def targets(self) -> tuple[float, ...]:
        """The entropy rate plus 1.2 down to 0.1."""
        entropy_rate = self.entropy_rate
        return tuple(entropy_rate + excess for excess in (1.2, 1, 0.8, 0.6, 0.45, 0.3, 0.2, 0.1))

    @property
    def transitions(self) -> Tensor:
        """The transition matrix: `[vocabulary, vocabulary]`."""
        generator = Generator().manual_seed(DATA_SEED)
        normal = torch.randn(self.vocabulary, self.vocabulary, generator=generator, dtype=torch.float64)
        return (2 * normal).softmax(-1)

    @property
    def stationary(self) -> Tensor:
        """The stationary distribution π = π P: `[vocabulary]`."""
        distribution: Tensor = torch.linalg.matrix_power(self.transitions, 1_024)[0]
        return distribution

    @property
    def entropy_rate(self) -> float:
        """The entropy of the next state in nats, Σ πᵢ Hᵢ."""
        return float(self.stationary @ torch.special.entr(self.transitions).sum(-1))

    def make_network(self) -> nn.Module:
        """Build the network."""
        return Transformer(self.vocabulary, self.context, self.layers)

    def make_data(self) -> tuple[Any, Any]:  # type: ignore[override]  # of ModuleProblem
        """Draw the sequences from a fixed seed, each from the stationary distribution on."""
        generator = Generator().manual_seed(DATA_SEED + 1)
        count = VALIDATION_SAMPLES + self.samples
        states = [torch.multinomial(self.stationary, count, replacement=True, generator=generator)]
        for _ in range(self.context):
            following = self.transitions[states[-1]]
            states.append(torch.multinomial(following, 1, generator=generator).squeeze(-1))
        x = torch.stack(states, -1)
        training, validation = x[VALIDATION_SAMPLES:], x[:VALIDATION_SAMPLES]
        return (training[:, :-1], training[:, 1:]), (validation[:, :-1], validation[:, 1:])

    def loss_of(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross entropy of the next states, log `vocabulary` for even probabilities."""
        return cross_entropy(outputs, targets)
