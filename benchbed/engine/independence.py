"""Check of a pairing before it is measured: its plugins run two steps of a few trials, and their values are compared.

The values of a trial must not depend on the other trials of its batch, and no function may write to its arguments.
"""

import functools
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from benchbed.engine.batch import Batch
from benchbed.engine.oracle import batched, evaluate_on
from benchbed.engine.pytrees import Tree, TreeTemplate, leaves
from benchbed.engine.sampling import Instances
from benchbed.engine.tile import Tile
from benchbed.engine.trial_comparison import ADVICE, TrialComparison, Trials, is_close, unwritten
from benchbed.engine.watched_update import WatchedUpdate, unread_by
from benchbed.errors import ContractError, UnknownOptimumError

OTHER_SEEDS = 3
"""Seeds that are tried beside a single one."""
STEPS = 2
"""Steps of an optimizer; the second starts from a state that differs from the initial state."""
LATE_FACTORS = (1e4, 1e-4, 1.0, 30.0), (1.0, -1.0, 1.0, 1.0)
"""Factors of the losses of the trials in further steps: some gradients are clipped, or turn, and others are not."""
FAR_POINTS = (10.0, 0.1, 1.0, 3.0)
"""Factors of their points, for branches and projections that do not act at the starts."""
LATE_STEPS = 10_000
"""Steps by which counters in the state are advanced, for schedules."""
LATE_PROGRESS = 0.99


def check_independence(batch: Batch) -> None:
    """Check the plugins of a batch on the first steps of its first and last seed and setting.

    Raises: ContractError if values have another shape or dtype or depend on other trials, or arguments are changed;
    any other exception of a plugin.
    """
    ends = [0] if batch.optimizer.stateful else [0, -1]
    batch = batch._replace(
        seeds=[batch.seeds[position] for position in ends],
        settings=len(ends),
        hyperparameters={
            name: [values[position] for position in ends] for name, values in batch.hyperparameters.items()
        },
    )
    if batch.seeds[0] != batch.seeds[-1] or len(ends) == 1:
        _check_batch(batch)
        return
    # A single seed is checked beside another one, whose instance must not be to blame for an exception or a death.
    first = batch.seeds[0]
    for distance in range(1 + batch.deaths, 1 + batch.deaths + OTHER_SEEDS):
        other = first._replace(number=first.number + distance)
        try:
            _check_batch(batch._replace(seeds=[first, other]))
        except ContractError:
            raise
        except (Exception, SystemExit):
            if distance == batch.deaths + OTHER_SEEDS:
                raise
        else:
            return


def _check_batch(batch: Batch) -> None:
    with torch.no_grad():
        device, dtype = torch.device(batch.device), getattr(torch, batch.dtype)
        # No draw of a step has the shape of those of all steps.
        steps = STEPS + (batch.problem.layout.dimension == STEPS)
        tile = Tile(batch, Instances(batch.problem, batch.seeds, device, dtype, steps))
        _check_optimum(tile.instances)
        _check_steps(tile)


def _check_optimum(instances: Instances) -> None:
    try:
        optimum = instances.optimum()
    except UnknownOptimumError:  # its trials run without a score
        return
    for position in range(len(instances.seeds)):
        alone = None if optimum is None else instances.select([position]).optimum()
        if optimum is not None and alone is not None and not is_close(alone, optimum[[position]], 1e-10):
            raise ContractError(
                f"optimum of problem {instances.seeds[0].problem!r} is {optimum[position].item():g} beside another "
                f"instance and {alone.item():g} alone; {ADVICE}"
            )


def _check_steps(tile: Tile) -> None:
    """Run the steps of all trials; compare each function of a plugin with its values for other batches."""
    stepper, rule = tile.stepper, tile.rule
    problem, differentiate = tile.batch.problem, tile.batch.gradient.differentiate
    compare = TrialComparison(tile)

    def loss(trials: Trials) -> Tree:
        with unread_by(tile, "problem", trials, trials.draws.loss):
            return stepper.loss.batched(trials.theta, trials.data, trials.draws.loss)

    def objective(trials: Trials) -> Tree:
        with unread_by(tile, "problem", trials):
            return batched(problem, problem.objective)(trials.theta, trials.data)

    def gradient(trials: Trials) -> Tree:
        return evaluate_on(differentiate, stepper.loss.batched, trials.data, trials.draws)(trials.theta)

    theta = tile.start_theta()
    state = _checked_state(tile, compare, theta)
    inputs = tile.inputs(0)._replace(data=tile.instances.data_of(slice(None)))
    ones = torch.ones_like(theta[..., 0])
    trials = Trials(theta, 0 * ones, 0 * theta, None, inputs.draws, inputs.data, tile.hyperparameters, ones)
    _compare_objective(compare, objective, trials)
    if stepper.loss.needs_draws:
        compare("problem", "loss", loss, trials)
    _require_derivative(
        compare.subject("problem", "loss"), loss, trials.copies(0, 0, 1, tile.instances.shared)
    )
    values, gradients = compare("gradient", "function", gradient, trials)
    is_finite = gradients.isfinite().all(dim=-1, keepdim=True)
    states, updated = [state], WatchedUpdate(tile)
    trials = trials._replace(state=state, loss=values, gradient=torch.where(is_finite, gradients, 0))
    for step in range(min(STEPS, tile.batch.budget)):  # a rule may raise in a step that no trial runs
        update = functools.partial(updated, progress=step * stepper.price / tile.batch.budget)
        theta, state, _ = compare("optimizer", "update", update, trials)
        states.append(state)
        # Trials of one start and setting have equal gradients, whose means show nothing; an optimizer copes with any.
        factors = torch.linspace(0.5, 1.0, values.numel()).to(values).view_as(values)
        draws = tile.inputs(step + 1).draws if step + 1 < STEPS else trials.draws
        trials = _scaled(trials, factors)._replace(theta=theta, state=state, draws=draws)
    late = trials if rule.opaque else trials._replace(state=_with_late_counters(states))
    scaled = [_scaled(late, _lane_factors(factors, values)) for factors in LATE_FACTORS]
    far = scaled[0]._replace(theta=_lane_factors(FAR_POINTS, values)[..., None] * theta)
    last_update = functools.partial(updated, progress=LATE_PROGRESS)
    # Trials near their starts may not show that they are mixed: a clip or a schedule does not act there yet.
    _compare_where_possible(
        tile.batch.deaths,
        *(functools.partial(compare, "optimizer", "update", last_update, late) for late in scaled),
        lambda: _compare_objective(compare, objective, far),
        lambda: compare("gradient", "function", gradient, far),
    )


def _compare_where_possible(deaths: int, *comparisons: Callable[[], object]) -> None:
    """Run comparisons at values where plugins may raise, as no trial may ever come there; none after a death."""
    for comparison in () if deaths else comparisons:
        try:
            comparison()
        except ContractError:
            raise
        except (Exception, SystemExit):  # noqa: BLE001 (as above)
            continue


def _checked_state(tile: Tile, compare: TrialComparison, theta: Tensor) -> Tree:
    subject = compare.subject("optimizer", "init")
    with unwritten(subject, theta):
        state = tile.rule.init(theta)
    if not tile.rule.opaque:
        require_state(subject, state, theta)
    return state


def _compare_objective(compare: TrialComparison, objective: Callable[[Trials], Tree], trials: Trials) -> None:
    """Compare objectives over the first samples of a large data set, or over all if those show a fault or nothing."""
    sample = compare.first_samples(trials.data)
    if sample is not None:
        try:
            if compare("problem", "objective", objective, trials._replace(data=sample)).isfinite().all():
                return
        except (Exception, SystemExit):  # noqa: BLE001 (a problem may not be defined for fewer samples)
            pass
    compare("problem", "objective", objective, trials)


def _scaled(trials: Trials, factors: Tensor) -> Trials:
    """Multiply the losses and gradients of trials."""
    return trials._replace(
        loss=factors * trials.loss,
        gradient=factors[..., None] * trials.gradient,
        factor=factors * trials.factor,
    )


def _lane_factors(factors: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(factors[: like.numel()]).to(like).view_as(like)


def _with_late_counters(states: Sequence[Tree]) -> Tree:
    """Return the last of the states of consecutive steps, with later numbers in tensors that count the steps."""
    last = leaves(states[-1])
    for position, tensors in enumerate(zip(*map(leaves, states), strict=True)):
        differences = [after - before for before, after in pairwise(tensors) if after.dtype != torch.bool]
        if differences and all(bool((difference == 1).all()) for difference in differences):
            last[position] = last[position] + LATE_STEPS
    return TreeTemplate(states[-1]).fill(last)


def _require_derivative(subject: str, loss: Callable[[Trials], Tree], trials: Trials) -> None:
    with torch.enable_grad():
        value = loss(trials._replace(theta=trials.theta.clone().requires_grad_()))
    if not value.requires_grad:
        raise ContractError(
            f"{subject} has no derivative, because it is computed outside of torch or detached from theta; leave out "
            "`.detach()`, `.data`, `.item()`, `.numpy()` and `torch.no_grad()`"
        )


def require_state(subject: str, state: Tree, theta: Tensor) -> None:
    """Check that the tensors of a state begin with the leading dimensions of theta and are real.

    Raises: ContractError if they do not.
    """
    lanes = theta.shape[:2]
    for leaf in leaves(state):
        if leaf.shape[:2] != lanes or leaf.is_complex():
            raise ContractError(
                f"{subject} returns a state tensor {tuple(leaf.shape)} of {leaf.dtype} for theta {tuple(theta.shape)}; "
                f"let each begin with {tuple(lanes)}, such as `torch.zeros_like(theta)`, and be real"
            )
