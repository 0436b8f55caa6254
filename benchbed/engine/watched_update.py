"""The update of a batch whose trials are compared; its Python code must not read numbers of the trials."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from benchbed.engine.adapters import StepContext
from benchbed.engine.oracle import CountingOracle, evaluate_on, split_lane_data
from benchbed.engine.pytrees import Lanes, Tree, leaves
from benchbed.engine.step import check_update, require_like
from benchbed.engine.tile import Tile
from benchbed.engine.trial_comparison import Trials
from benchbed.engine.trial_reads import TrialTensors, unread


def unread_by(
    tile: Tile, kind: str, trials: Trials, *further: Tree
) -> AbstractContextManager[TrialTensors | None]:
    """Check that a plugin reads no number of several trials; a trial alone, as of a stateful rule, may be read."""
    if trials.theta.shape[:2].numel() == 1:
        return nullcontext()
    data = split_lane_data(trials.data, tile.instances.shared)
    return unread(tile.batch.label_of(kind), (trials.theta, data, *further))


class WatchedUpdate:
    """Updates of a batch, the first from the state of `init`."""

    def __init__(self, tile: Tile) -> None:
        self._tile = tile
        self._dependent: set[int] = set()
        """Positions of the state tensors that are computed from numbers of the trials, unlike a counter of steps."""

    def __call__(self, trials: Trials, progress: float) -> tuple[Tensor, Tree, Tensor]:
        """Return the next theta and state, and the answer there."""
        tile, rule, batch = self._tile, self._tile.rule, self._tile.batch
        if not rule.opaque:
            rule = tile.stepper.bind(trials.hyperparameters)
        numbers = trials.loss, trials.gradient, tuple(trials.draws)
        with unread_by(tile, "optimizer", trials, numbers) as tensors:
            if not rule.opaque:  # an optimizer may keep values of `init`, in as many lanes
                state = rule.init(trials.theta)
                self._note(state, tensors)
            if tensors is not None:
                tensors.add([leaf for i, leaf in enumerate(leaves(trials.state)) if i in self._dependent])
            theta, state = rule.step(*self._arguments(trials, progress))
            check_update(
                batch.label_of("optimizer"),
                theta,
                state,
                Lanes.at(trials.theta, trials.state),
                opaque=rule.opaque,
            )
            self._note(state, tensors)
            answer = rule.answer(state, theta)
        require_like(f"answer of {batch.label_of('optimizer')} changes theta", answer, trials.theta)
        return theta, state, answer

    def _note(self, state: Tree, tensors: TrialTensors | None) -> None:
        if tensors is not None:
            self._dependent.update(i for i, leaf in enumerate(leaves(state)) if leaf in tensors)

    def _arguments(self, trials: Trials, progress: float) -> tuple[CountingOracle, Tree, Tensor, StepContext]:
        stepper, gradient = self._tile.stepper, self._tile.batch.gradient
        evaluate = evaluate_on(gradient.differentiate, stepper.loss.batched, trials.data, trials.draws)

        def scaled(loss: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
            return trials.factor * loss, trials.factor[..., None] * gradient

        share = torch.full_like(trials.theta[..., :1], progress)
        oracle = CountingOracle(
            lambda point: scaled(*evaluate(point)),
            trials.loss,
            trials.gradient,
            lambda: share,
            lambda: torch.ones_like(share),
            trials.draws.optimizer,
        )
        context = StepContext(stepper.loss.single, gradient, trials.data, trials.draws, stepper.shared)
        return oracle, trials.state, trials.theta, context
