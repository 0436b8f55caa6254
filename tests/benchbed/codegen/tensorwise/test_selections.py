"""Values that no selection reads are not computed."""

import pytest
import torch

LANES = (2, 3)
FINITE = (torch.eye(3, dtype=torch.float64) + 0.5).expand(*LANES, 3, 3)
INFINITE = torch.full_like(FINITE, torch.inf)
OFF, ON = (torch.full((*LANES, 1), value, dtype=torch.float64) for value in (0.0, 1.0))

pytestmark = pytest.mark.slow


@pytest.fixture
def run_compiled(compile_tensorwise):
    """Return a function that runs `function(x, switch)` as one compiled step."""

    def run(function, x, switch):
        def step(x, switch, result):
            return [x, switch, function(x, switch).contiguous()]

        lanes = [x.contiguous(), switch, torch.zeros_like(x)]
        return compile_tensorwise(step, lanes).run([1], *LANES, lanes)[0][2]

    return run


def root_of(x):
    """The root of a positive definite matrix; torch raises an error for one that is not finite."""
    eigenvalues, vectors = torch.linalg.eigh(x)
    return (vectors * eigenvalues.sqrt().unsqueeze(-2)) @ vectors.mT


def root_if_on(x, switch):
    """Select the root by a condition of one number."""
    is_on = switch[..., None] > 0.5
    return torch.where(is_on, torch.cat([root_of(x)[..., :2], x[..., 2:]], -1), x)


def root_in_places(x, switch):
    """Select by a condition with more numbers."""
    is_on = (x < 5) & (switch[..., None] > 0.5)
    return torch.where(is_on, root_of(x), x)


def root_read_twice(x, switch):
    """The other reader has no condition."""
    is_on = switch[..., None] > 0.5
    root = root_of(x)
    return torch.where(is_on, root, x) + root


def root_in_the_condition(x, switch):
    """The condition depends on the value."""
    root = root_of(x)
    return torch.where(root[..., :1, :1] + switch[..., None] > 0.5, root, x)


def test_an_operation_that_is_not_selected_is_not_called(run_compiled):
    """It would raise an error; where it is selected, the result is that of torch."""
    assert torch.equal(run_compiled(root_if_on, INFINITE, OFF), INFINITE)
    selected = torch.arange(3)[:, None] == 1
    x = torch.where(selected[..., None], FINITE, INFINITE)
    expected = torch.where(selected[..., None], root_if_on(FINITE, ON), INFINITE)
    torch.testing.assert_close(run_compiled(root_if_on, x, ON * selected), expected, rtol=1e-14, atol=1e-14)
    with pytest.raises(RuntimeError, match="failed to converge"):
        run_compiled(root_if_on, INFINITE, ON)


@pytest.mark.parametrize("function", [root_in_places, root_read_twice, root_in_the_condition])
def test_an_operation_that_may_be_read_is_called(run_compiled, function):
    """The error shows it."""
    with pytest.raises(RuntimeError, match="failed to converge"):
        run_compiled(function, INFINITE, OFF)


def test_indices_are_computed_in_any_case(run_compiled):
    """A gather would read outside of memory with those of a sort that is not called."""
    x = torch.linspace(-1, 1, 18, dtype=torch.float64).cos().reshape(*LANES, 3)

    def sort_if_on(x, switch):
        return torch.where(switch > 0.5, x.gather(-1, x.argsort(-1)), x)

    assert torch.equal(run_compiled(sort_if_on, x, OFF), x)
    assert torch.equal(run_compiled(sort_if_on, x, ON), x.sort(-1).values)
