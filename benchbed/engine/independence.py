"""Check of a pairing before it is measured: its plugins run two steps of a few trials, and their values are compared.

The values of a trial must not depend on the other trials of its batch, and no function may write to its arguments.
"""

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from benchbed.engine.adapters import StepContext
from benchbed.engine.batch import Batch
from benchbed.engine.oracle import CountingOracle, batched, evaluate_on
from benchbed.engine.pytrees import Lanes, Tree, leaves
from benchbed.engine.sampling import Instances
from benchbed.engine.step import check_update, require_like
from benchbed.engine.tile import Tile
from benchbed.engine.trial_comparison import ADVICE, TrialComparison, Trials, is_close, unwritten
from benchbed.errors import ContractError, UnknownOptimumError

OTHER_SEEDS = 3
"""Seeds that are tried beside a single one."""
STEPS = 2
"""Steps of an optimizer; the second starts from a state that differs from the initial state."""


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
    # A single seed is checked beside another one, whose instance must not be to blame for an exception.
    first = batch.seeds[0]
    for distance in range(1, OTHER_SEEDS + 1):
        other = first._replace(number=first.number + distance)
        try:
            _check_batch(batch._replace(seeds=[first, other]))
        except ContractError:
            raise
        except (Exception, SystemExit):
            if distance == OTHER_SEEDS:
                raise
        else:
            return


def _check_batch(batch: Batch) -> None:
    with torch.no_grad():
        device, dtype = torch.device(batch.device), getattr(torch, batch.dtype)
        tile = Tile(batch, Instances(batch.problem, batch.seeds, device, dtype, STEPS))
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
        return stepper.loss.batched(trials.theta, trials.data, trials.draws.loss)

    def objective(trials: Trials) -> Tree:
        return batched(problem, problem.objective)(trials.theta, trials.data)

    def gradient(trials: Trials) -> Tree:
        evaluate = evaluate_on(differentiate, stepper.loss.batched, trials.data, trials.draws)
        return evaluate(trials.theta)

    start = theta = tile.start_theta()
    subject = compare.subject("optimizer", "init")
    with unwritten(subject, theta):
        state = rule.init(theta)
    if not rule.opaque:
        _require_state(subject, state, theta)
    zeros = torch.zeros_like(theta)
    inputs = tile.inputs(0)._replace(data=tile.instances.data_of(slice(None)))
    trials = Trials(theta, zeros[..., 0], zeros, None, inputs.draws, inputs.data, tile.hyperparameters)
    compare("problem", "objective", objective, trials)
    if stepper.loss.needs_draws:
        compare("problem", "loss", loss, trials)
    _require_derivative(
        compare.subject("problem", "loss"), loss, trials.copies(0, 0, 1, tile.instances.shared)
    )
    values, gradients = compare("gradient", "function", gradient, trials)
    is_finite = gradients.isfinite().all(dim=-1, keepdim=True)
    trials = trials._replace(state=state, loss=values, gradient=torch.where(is_finite, gradients, 0))
    for step in range(min(STEPS, tile.batch.budget)):  # a rule may raise in a step that no trial runs
        update = functools.partial(_updated, tile, step=step)
        theta, state, _ = compare("optimizer", "update", update, trials)
        # Trials with one start and setting have equal gradients, whose means show nothing. An optimizer must cope with
        # any gradient, so the problem need not be evaluated again.
        factors = torch.linspace(0.5, 1.0, values.numel()).to(values).view_as(values)
        trials = trials._replace(
            theta=theta,
            state=state,
            loss=factors * trials.loss,
            gradient=factors[..., None] * trials.gradient,
            draws=tile.inputs(step + 1).draws if step + 1 < STEPS else trials.draws,
        )
    if torch.equal(start, start[:1, :1].expand_as(start)):
        # Trials at one point cannot show that they are mixed.
        compare("problem", "objective", objective, trials)
        compare("gradient", "function", gradient, trials)


def _require_derivative(subject: str, loss: Callable[[Trials], Tree], trials: Trials) -> None:
    with torch.enable_grad():
        value = loss(trials._replace(theta=trials.theta.clone().requires_grad_()))
    if not value.requires_grad:
        raise ContractError(
            f"{subject} has no derivative, because it is computed outside of torch or detached from theta; leave out "
            "`.detach()`, `.data`, `.item()`, `.numpy()` and `torch.no_grad()`"
        )


def _updated(tile: Tile, trials: Trials, step: int) -> tuple[Tensor, Tree, Tensor]:
    """Return the next theta and state, and the answer there."""
    stepper, batch = tile.stepper, tile.batch
    rule = tile.rule
    if not rule.opaque:  # an optimizer may keep values of `init`, in as many lanes
        rule = stepper.bind(trials.hyperparameters)
        rule.init(trials.theta)
    evaluate = evaluate_on(batch.gradient.differentiate, stepper.loss.batched, trials.data, trials.draws)
    progress = torch.full_like(trials.theta[..., :1], step * stepper.price / batch.budget)
    oracle = CountingOracle(evaluate, trials.loss, trials.gradient, lambda: progress, trials.draws.optimizer)
    context = StepContext(stepper.loss.single, batch.gradient, trials.data, trials.draws, stepper.shared)
    theta, state = rule.step(oracle, trials.state, trials.theta, context)
    check_update(batch, theta, state, Lanes.at(trials.theta, trials.state), opaque=rule.opaque)
    answer = rule.answer(state, theta)
    require_like(f"answer of {batch.label_of('optimizer')} changes theta", answer, trials.theta)
    return theta, state, answer


def _require_state(subject: str, state: Tree, theta: Tensor) -> None:
    lanes = theta.shape[:2]
    for leaf in leaves(state):
        if leaf.shape[:2] != lanes or leaf.is_complex():
            raise ContractError(
                f"{subject} returns a state tensor {tuple(leaf.shape)} of {leaf.dtype} for theta {tuple(theta.shape)}; "
                f"let each begin with {tuple(lanes)}, such as `torch.zeros_like(theta)`, and be real"
            )
