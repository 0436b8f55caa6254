"""Random operations take their numbers from draws, with the results of torch's own for the same numbers."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from benchbed.errors import ContractError
from benchbed.interfaces.modules.forward import ForwardPass, RandomCall, replay, without_noise

sys.path.insert(0, str(Path(__file__).parent))  # tests are not packages
from networks import Recurrent, Transformer

sys.path.pop(0)


class Noise(nn.Module):
    """Noise from each of the functions that have draws."""

    def forward(self, x):
        return x + torch.rand_like(x) + torch.randn_like(x) + torch.bernoulli(torch.full_like(x, 0.3))


class InPlace(nn.Module):
    """Dropout that changes its input, and whose result is not used."""

    def forward(self, x):
        x = 2 * x
        nn.functional.dropout(x, 0.3, self.training, inplace=True)
        nn.functional.dropout2d(x, 0.3, self.training, True)
        return x


NETWORKS = {
    "dropout": (lambda: nn.Dropout(0.3), torch.randn(4, 5)),
    "function": (lambda: nn.Sequential(nn.Dropout(0.3), nn.Dropout(0.6)), torch.randn(4, 5)),
    "sequences": (lambda: nn.Dropout1d(0.3), torch.randn(4, 5, 2)),
    "images": (lambda: nn.Dropout2d(0.3), torch.randn(4, 5, 2, 2)),
    "volumes": (lambda: nn.Dropout3d(0.3), torch.randn(4, 5, 2, 2, 2)),
    "one sequence": (lambda: nn.Dropout1d(0.3), torch.randn(4, 5)),
    "one volume": (lambda: nn.Dropout3d(0.3), torch.randn(4, 5, 2, 2)),
    "in place": (InPlace, torch.randn(4, 5, 2, 2)),
    "attention": (lambda: Transformer(dropout=0.3), torch.randint(11, (4, 5))),
    "lstm": (lambda: Recurrent(nn.LSTM, dropout=0.3), torch.randn(4, 1, 6, 6)),
}


def as_torch_draws(call, like):
    """Draw the numbers of dropout from the global generator as torch does."""
    mask = torch.empty_like(like) if call.shape == like.shape else torch.empty(call.shape)
    return mask.bernoulli_(1 - call.dropout).bool()  # in the order of the memory


@pytest.mark.parametrize("name", NETWORKS)
def test_dropout_equals_that_of_torch_for_the_same_masks(name):
    """Torch draws its masks by `bernoulli_` from the global generator; differences are rounding in float64."""
    torch.manual_seed(1)
    build, x = NETWORKS[name]
    network, x = build().double(), x.double() if x.is_floating_point() else x
    torch.manual_seed(2)
    expected = network(x)
    torch.manual_seed(2)
    with ForwardPass(as_torch_draws) as context:
        values = network(x)
    torch.testing.assert_close(values, expected, rtol=1e-9, atol=1e-9)
    assert context.is_needed
    with ForwardPass(without_noise):
        quiet = network(x)
    torch.testing.assert_close(quiet, network.eval()(x), rtol=1e-9, atol=1e-9)


def test_masks_keep_the_share_of_elements_that_dropout_keeps():
    """0.7 ± five standard deviations of 40 000 elements."""
    mask = RandomCall((100, 4), dropout=0.3).draw(torch.Generator().manual_seed(0), 100)
    assert mask.shape == (100, 100, 4)
    assert abs(mask.double().mean() - 0.7) < 5 * (0.21 / 40_000) ** 0.5


def test_noise_is_that_of_the_draws():
    """Uniform, normal and Bernoulli numbers in the order of the calls."""
    x, generator = torch.zeros(3, 2), torch.Generator().manual_seed(0)
    calls = [RandomCall((3, 2)), RandomCall((3, 2), is_normal=True), RandomCall((3, 2))]
    draws = [call.draw(generator, 1)[0] for call in calls]
    with ForwardPass(replay(draws)):
        values = Noise()(x)
    expected = draws[0] + draws[1] + (draws[2] < 0.3)
    torch.testing.assert_close(values, expected.float())


def test_noise_has_the_type_and_the_probability_that_are_passed():
    """Also for integers, in which uniform numbers would be zeros."""
    numbers = torch.tensor([0.2, 0.8])
    ids = torch.tensor([3, 4])
    with ForwardPass(replay([numbers] * 5)):
        assert torch.equal(torch.rand_like(ids, dtype=torch.float32), numbers)
        assert torch.equal(torch.randn_like(ids, dtype=torch.float64, device=ids.device), numbers.double())
        assert torch.bernoulli(torch.ones(2), 0.5).tolist() == [1.0, 0.0]
        assert torch.bernoulli(torch.zeros(2), p=0.9).tolist() == [1.0, 1.0]
        from_integers = torch.bernoulli(ids, 0.5)
    assert from_integers.dtype == torch.int64
    assert from_integers.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda x: torch.rand_like(x.long()), r"a tensor of torch.int64; pass a dtype"),
        (lambda x: torch.bernoulli(x, generator=torch.Generator()), "with generator=.*only `p`"),
        (lambda x: torch.randn_like(x, device="meta"), "with device='meta'.*only `dtype`"),
    ],
)
def test_options_of_noise_that_would_be_ignored_are_rejected(draw, message):
    """With the option and those that may be passed."""
    with ForwardPass(replay([torch.zeros(2)])), pytest.raises(ContractError, match=message):
        draw(torch.zeros(2))


def test_noise_without_draws_is_rejected():
    """Such as noise in `eval()` mode, which would change the objective from call to call."""
    with ForwardPass(without_noise), pytest.raises(ContractError, match=r"`if self.training`"):
        Noise()(torch.zeros(2))


def test_other_shapes_than_on_the_first_batch_are_rejected():
    """Draws have the shapes that the first mini-batch showed."""
    with (
        ForwardPass(replay([torch.ones(3, dtype=torch.bool)])),
        pytest.raises(ContractError, match="same shapes"),
    ):
        nn.Dropout(0.3)(torch.zeros(4))


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("mask", [None, "bool", "float"])
def test_attention_equals_that_of_torch(is_causal, mask):
    """With and without masks; both at once are an error of torch."""
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 3, 4, 5, generator=generator) for _ in range(3))
    masks = {"bool": torch.eye(4).bool(), "float": torch.randn(4, 4, generator=generator)}
    attn_mask = None if is_causal else masks.get(mask)
    attend = nn.functional.scaled_dot_product_attention
    expected = attend(query, key, value, attn_mask, is_causal=is_causal, scale=0.3)
    with ForwardPass(without_noise):
        values = attend(query, key, value, attn_mask, is_causal=is_causal, scale=0.3)
    torch.testing.assert_close(values, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("is_bool", [True, False])
def test_a_query_without_keys_has_the_zeros_of_torch(is_bool):
    """A mask may exclude all keys of a query, as padding does; gradients are finite too."""
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 3, 4, 5, generator=generator).requires_grad_() for _ in range(3))
    mask = torch.tensor([[False] * 4, [True] * 4, [True, False, True, False], [False] * 4])
    mask = mask if is_bool else torch.zeros(4, 4).masked_fill(~mask, -torch.inf)
    expected = nn.functional.scaled_dot_product_attention(query, key, value, mask)
    expected_gradients = torch.autograd.grad(expected.square().sum(), (query, key, value))
    with ForwardPass(without_noise):
        values = nn.functional.scaled_dot_product_attention(query, key, value, mask)
        gradients = torch.autograd.grad(values.square().sum(), (query, key, value))
    assert not values[..., [0, 3], :].any()
    torch.testing.assert_close((values, *gradients), (expected, *expected_gradients), rtol=1e-5, atol=1e-6)
