"""A tile: the lanes of a batch that are stepped together, with their instances and hyperparameters."""

from collections.abc import Hashable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from benchbed.checkpoints import checkpoint_steps
from benchbed.engine.adapters import StatefulRule
from benchbed.engine.batch import Batch
from benchbed.engine.pytrees import LanePositions, Lanes, expand_settings, leaves, map_tensors
from benchbed.engine.sampling import Draws, Instances, is_deterministic
from benchbed.engine.stateful import advance_trial
from benchbed.engine.step import StepInputs, Stepper
from benchbed.interfaces.torch_blocks import TorchState, bytes_of


class Tile:
    """The inputs of the steps of some lanes; the lanes themselves are arguments."""

    def __init__(
        self,
        batch: Batch,
        instances: Instances,
        positions: LanePositions | None = None,
        stepper: Stepper | None = None,
    ) -> None:
        """`positions` are those of the lanes in the batch (default: all of them)."""
        self.batch, self.instances = batch, instances
        self.positions = positions or LanePositions.all(len(batch.seeds), batch.settings, instances.device)
        self.stepper = stepper or Stepper(batch, instances.shared, is_deterministic(batch.problem))
        self._draws = (
            instances.draws if self.stepper.loss.needs_draws else None,
            instances.draws_of(batch.gradient, "gradient"),
            instances.draws_of(self.stepper.optimizer, "optimizer"),
        )
        # A stateful optimizer takes plain floats: rounded to float32, its 0.1 would be another number.
        dtype = torch.float64 if self.stepper.optimizer.stateful else instances.dtype
        settings = self.positions.settings.tolist()
        self.hyperparameters = {
            name: torch.tensor(
                [values[setting] for setting in settings], device=instances.device, dtype=dtype
            )[:, None]
            for name, values in batch.hyperparameters.items()
        }
        """Name -> `[settings, 1]`."""
        self.rule = self.stepper.bind(self.hyperparameters)

    def start_theta(self) -> Tensor:
        """Return the starts of all lanes, `[seeds, settings, dimension]`."""
        return self.instances.start[:, None].expand(-1, len(self.positions.settings), -1).clone()

    def start_lanes(self) -> Lanes:
        """Return all lanes at their starts."""
        theta = self.start_theta()
        may_converge, buffers = self.batch.tolerance is not None, self.instances.buffers
        if buffers is not None:
            buffers = map_tensors(torch.clone, expand_settings(buffers, theta))
        return Lanes.at(theta, self.rule.init(theta), may_converge, buffers)

    def select(self, seeds: Tensor, settings: Tensor) -> "Tile":
        """Return the tile of the lanes at these positions."""
        positions = LanePositions(self.positions.seeds[seeds], self.positions.settings[settings])
        return Tile(self.batch, self.instances.select(seeds.tolist()), positions, self.stepper)

    def state_bytes(self, lanes: Lanes) -> float | None:
        """Count the bytes of state of one lane; None if the engine does not know the state."""
        if self.rule.opaque:
            return bytes_of(lanes.state) if isinstance(lanes.state, TorchState) else None
        return sum(leaf.nbytes for leaf in leaves(lanes.state)) / lanes.running.numel()

    def later_checkpoints(self) -> list[int]:
        """List the steps after which to measure, without the first: it shows how many calls a step makes."""
        steps = checkpoint_steps(self.batch.budget, self.stepper.calls_per_step, self.batch.every_step)
        last = self.batch.first_steps
        return [step for step in steps if step > 1 and (last is None or step <= last)]

    @property
    def cache_key(self) -> Hashable:
        """Everything that a compiled step takes from its batch as a constant."""
        batch = self.batch
        return (
            batch.problem, repr(batch.problem), batch.factory, repr(sorted(batch.statics.items())),
            tuple(batch.hyperparameters), batch.gradient, batch.budget, batch.dtype, batch.device,
            batch.tolerance, self.stepper.calls_per_step, self.stepper.adaptive,
        )  # fmt: skip

    @property
    def budget_error(self) -> str | None:
        """Explain that the budget does not pay for one step; None if it does."""
        cost = self.stepper.first_calls
        if cost <= self.batch.budget:
            return None
        return f"a single step costs {cost:g} calls, more than the budget of {self.batch.budget}"

    def step(self, lanes: Lanes, index: int) -> Lanes:
        """Run step `index` (from 0) of every lane eagerly."""
        return self.advance(lanes, index, [index + 1])[0]

    def advance(self, lanes: Lanes, start: int, stops: Sequence[int]) -> list[Lanes]:
        """Run the steps from `start` on eagerly; return the lanes before each of the steps `stops`."""
        if isinstance(self.rule, StatefulRule):
            return advance_trial(self, self.rule, lanes, start, stops)
        snapshots = []
        for first, stop in pairwise([start, *stops]):
            for index in range(first, stop):
                lanes = self.stepper.step(self.rule, lanes, self.inputs(index))
            snapshots.append(lanes)
        return snapshots

    def trial_draws(self, index: int) -> Draws:
        """Return the draws of step `index` (from 0) of a single trial, without leading dimensions."""
        return Draws(*[draws and draws.of_trial(index) for draws in self._draws])

    def inputs(self, index: int) -> StepInputs:
        """Return the inputs of step `index` (from 0)."""
        draws = Draws(*(draws and draws.at(index) for draws in self._draws))
        progress = index * self.stepper.calls_per_step / self.batch.budget
        return StepInputs(self.instances.data, draws, progress, index)

    def progress(self, start: int, stop: int) -> Tensor:
        """Return the share of the budget spent before each of the steps `start`, …, `stop - 1`: `[steps]`."""
        steps = torch.arange(start, stop, dtype=torch.float64)
        shares = steps * self.stepper.calls_per_step / self.batch.budget
        return shares.to(self.instances.device, self.instances.dtype)

    def draws(self, start: int, stop: int) -> Draws:
        """Return the draws of the steps `start`, …, `stop - 1`, all of one block: `[steps, seeds, 1, …]`."""
        return Draws(*(draws and draws.between(start, stop) for draws in self._draws))
