"""Operations that are rewritten as simpler ones match torch."""

import pytest
import torch
from torch.nn.functional import group_norm, instance_norm, layer_norm

pytestmark = pytest.mark.slow

LANES = (2, 3)


def normal(*shape, dtype=torch.float64, seed=0):
    """Draw normal numbers for every lane."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*LANES, *shape, generator=generator, dtype=torch.float64).to(dtype)


def test_variances_match_torch(assert_matches_torch):
    """Along any dimensions, with any correction."""
    functions = {}
    for dims in (-1, (-1, -2), 2):
        for correction in (0, 1, 2):
            for keepdim in (False, True):
                options = {"dim": dims, "correction": correction, "keepdim": keepdim}
                functions[f"var {options}"] = lambda x, options=options: x.var(**options)
                functions[f"var_mean {options}"] = lambda x, options=options: sum(
                    torch.var_mean(x, **options)
                )
    functions["std"] = lambda x: x.std(-1)
    assert_matches_torch(functions, normal(4, 5), tolerance=1e-13)


def test_normalizations_and_their_gradients_match_torch(assert_matches_torch):
    """Layer, group and instance normalization, with weights."""

    def loss(name):
        def of_lane(x):
            images, weight = x[:48].view(2, 4, 3, 2), x[48:52]
            match name:
                case "layer":
                    return layer_norm(images, (3, 2), x[50:56].view(3, 2), x[:6].view(3, 2))
                case "group":
                    return group_norm(images, 2, weight, weight * 2)
            return instance_norm(images, weight=weight)

        return of_lane

    def gradient(name):
        function = torch.func.grad(
            lambda x: (loss(name)(x) * torch.arange(48.0).view(2, 4, 3, 2)).sin().sum()
        )
        return torch.vmap(torch.vmap(function))

    functions = {name: gradient(name) for name in ("layer", "group", "instance")}
    assert_matches_torch(functions, normal(56), tolerance=1e-11)
