"""Mistakes of plugins: changes of the parts of their source."""

from plain_loop import DIMENSION

PROBLEM_MUTATIONS = {
    "sum without dim": {"value": "({value}).sum()"},
    "sum over the seeds": {"value": "({value}).sum(0)"},
    "keepdim": {"value": "({value}).unsqueeze(-1)"},
    "mean of all lanes": {"point": "theta - 0.25 - 0.01 * theta.mean()"},
    "maximum of all lanes": {"point": "(theta - 0.25) / theta.abs().max().detach()"},
    "long start": {"start": f"torch.rand({DIMENSION + 1}, generator=generator, dtype=torch.float64)"},
    "start of one number": {"start": "torch.rand(1, generator=generator, dtype=torch.float64)"},
    "matrix as start": {"start": f"torch.rand(1, {DIMENSION}, generator=generator, dtype=torch.float64)"},
    "integer start": {"start": f"torch.randint(1, 5, ({DIMENSION},), generator=generator)"},
    "NaN start": {"start": f"torch.full(({DIMENSION},), torch.nan, dtype=torch.float64)"},
    "integer loss": {"value": "({value}).round().long()"},
    "complex loss": {"value": "torch.complex({value}, torch.zeros_like({value}))"},
    "NaN optimum": {"optimum": "torch.tensor(torch.nan, dtype=torch.float64)"},
    "infinite optimum": {"optimum": "torch.tensor(-torch.inf, dtype=torch.float64)"},
    "optimum too high": {"optimum": "torch.tensor(1e3, dtype=torch.float64)"},
    "optimum for each parameter": {"optimum": f"torch.zeros({DIMENSION}, dtype=torch.float64)"},
    "float64 constant": {"point": f"theta - torch.full(({DIMENSION},), 0.25, dtype=torch.float64)"},
    "torch noise": {"point": "theta - 0.25 + 0.01 * torch.randn(theta.shape[-1])"},
    "NumPy noise": {"point": "theta - 0.25 + 0.01 * float(np.random.standard_normal())"},
    "Python noise": {"point": "theta - 0.25 + 0.01 * random.random()"},
    "clock": {"point": "theta - 0.25 + 1e-3 * (time.perf_counter() % 1)"},
    "Python counter": {"before": "CALLS[0] += 1", "value": "(1 + 0.01 * CALLS[0]) * ({value})"},
    "write to theta": {"before": "theta.data.mul_(0.99)"},
    "write to data": {"before": "data.curvature.mul_(1.01)"},
    "data of the global generator": {"curvature": f"0.5 + torch.rand({DIMENSION}, dtype=torch.float64)"},
    "data of NumPy": {"curvature": f"0.5 + torch.from_numpy(np.random.random({DIMENSION}))"},
    "draws of the global generator": {"draws": f"torch.randn(steps, {DIMENSION}, dtype=torch.float64)"},
    "raises for some seeds": {"before": "if (data.curvature[..., 0] > 1).any(): raise ValueError('steep')"},
}
"""Name -> part of the class -> its new text, in which `{value}` is the old expression."""

OPTIMIZER_MUTATIONS = {
    "norm of all lanes": {"last": ("moved = theta - rate * step / (1 + step.norm())",)},
    "number of a tensor": {"last": ("moved = moved - 0.01 * float(gradient.mean())",)},
    "branch on any lane": {"last": ("if (gradient > 0.5).any(): moved = theta - 0.5 * rate * step",)},
    "branch on a lane": {"last": ("if gradient.sum() > 0.5: moved = theta - 0.5 * rate * step",)},
    "write to theta": {"last": ("moved = theta.sub_(rate * step)",)},
    "write to the state": {"last": ("after = State(state.mean.copy_(mean), square, average)",)},
    "write to the gradient": {
        "last": ("gradient = oracle.gradient.mul_(0.5)", "moved = theta - rate * gradient")
    },
    "Python counter": {"first": ("count += 1",), "last": ("moved = theta - rate / count * step",)},
    "global counter": {"first": ("CALLS[0] += 1",), "last": ("moved = theta - rate / CALLS[0] * step",)},
    "torch noise": {"last": ("moved = moved + 0.01 * torch.randn_like(theta)",)},
    "NumPy noise": {"last": ("moved = moved + 0.01 * float(np.random.standard_normal())",)},
    "Python noise": {"last": ("moved = moved + 0.01 * random.random()",)},
    "clock": {"last": ("moved = moved + 1e-3 * (time.time() % 1)",)},
    "float64 state": {"zeros": ("torch.zeros_like(theta, dtype=torch.float64)",)},
    "float64 constant": {"last": ("moved = moved * torch.ones(theta.shape[-1], dtype=torch.float64)",)},
    "state without lanes": {"zeros": ("torch.zeros(theta.shape[-1], dtype=theta.dtype)",)},
    "one number for theta": {"last": ("moved = moved.mean(-1, keepdim=True)",)},
    "integer theta": {"last": ("moved = moved.round().long()",)},
    "NaN theta": {"last": ("moved = moved + torch.zeros_like(theta) / 0",)},
    "answer of one number": {"answer": ("theta.mean(-1, keepdim=True)",)},
    "answer of all lanes": {"answer": ("theta - 0.01 * theta.mean()",)},
    "raises for some lanes": {"last": ("if (gradient[..., 0] > 1.5).any(): raise ValueError('steep')",)},
}
"""Name -> statements before and after those of `update`, or other parts of the factory."""

MUST_BE_REJECTED = {
    *("keepdim", "long start", "start of one number", "matrix as start", "integer loss", "complex loss"),
    *("optimum for each parameter", "torch noise", "NumPy noise", "Python noise", "clock", "write to data"),
    *("data of the global generator", "data of NumPy", "draws of the global generator"),
    *("state without lanes", "one number for theta", "integer theta", "answer of one number"),
}
"""Mutations that have no right number; the plain loop computes the others as their author means them."""


def must_be_rejected(problem, optimizer):
    """Return whether a plugin has no right number."""
    is_broken_problem = problem.mutation in {*MUST_BE_REJECTED, "Python counter", "write to theta"}
    if optimizer.mutation == "state without lanes" and optimizer.is_per_trial:
        return is_broken_problem  # a single trial has no lanes
    return is_broken_problem or optimizer.mutation in MUST_BE_REJECTED
