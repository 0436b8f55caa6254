"""Join a kernel with the instances and hyperparameters of a tile into one program that steps its lanes."""

from collections.abc import Hashable, Iterator

import torch
from torch import Tensor

from benchbed.checkpoints import checkpoint_steps
from benchbed.engine.adapters import state_bytes
from benchbed.engine.batch import Batch
from benchbed.engine.pytrees import Lanes
from benchbed.engine.sampling import Draws, Instances, is_deterministic
from benchbed.engine.step import StepInputs, Stepper


class Tile:
    """Everything that a tile's steps need beside the lanes themselves."""

    def __init__(
        self,
        batch: Batch,
        instances: Instances,
        settings: Tensor | None = None,
        kernel: Stepper | None = None,
    ) -> None:
        self.batch, self.instances = batch, instances
        self.settings = torch.arange(batch.settings) if settings is None else settings
        self.stepper = kernel or Stepper(batch, instances.shared, is_deterministic(batch.problem))
        self._gradient_draws = instances.draws_of(batch.gradient)
        self.hyperparameters = self._hyperparameters(exact=self.stepper.optimizer.stateful)
        self.rule = self.stepper.bind(self.hyperparameters)

    def start_lanes(self) -> Lanes:
        """LanePositions every lane at its start."""
        theta = self.instances.start[:, None].expand(-1, len(self.settings), -1).clone()
        return Lanes.at(theta, self.rule.init(theta), may_converge=self.batch.tolerance is not None)

    def select(self, seeds: Tensor, settings: Tensor) -> "Tile":
        """Keep these positions of both dimensions."""
        instances = self.instances.select(seeds.tolist())
        return Tile(self.batch, instances, self.settings[settings.cpu()], self.stepper)

    def bytes_of_state(self, lanes: Lanes) -> float | None:
        """Count the bytes of state that a lane holds; None where the engine cannot look inside."""
        return None if self.rule.opaque else state_bytes(lanes.state, lanes.calls.numel())

    def stops(self) -> Iterator[int]:
        """Give the steps after which to measure, beyond the first: only that one shows what a step costs."""
        steps = checkpoint_steps(self.batch.budget, self.stepper.calls_per_step, self.batch.every_step)
        yield from (step for step in steps if step > 1)

    @property
    def cache_key(self) -> Hashable:
        """Name all that a kernel takes from its batch; what differs otherwise comes in as an argument."""
        batch = self.batch
        return (
            batch.problem, repr(batch.problem), batch.factory, repr(sorted(batch.statics.items())),
            tuple(batch.hyperparameters), batch.gradient, batch.budget, batch.dtype, batch.device,
            batch.tolerance, self.stepper.calls_per_step, self.stepper.adaptive,
        )  # fmt: skip

    @property
    def excess(self) -> str | None:
        """Say why not even one step can be paid for; None if it can."""
        cost = self.stepper.calls_per_step
        if cost <= self.batch.budget:
            return None
        return f"a single step costs {cost:g} calls, more than the budget of {self.batch.budget}"

    def step(self, lanes: Lanes, index: int) -> Lanes:
        """Make step `index` (from 0) of every lane."""
        inputs = StepInputs(self.instances.data, self._draw(index), self._progress(index))
        if index == 0:
            return self.stepper.first(self.rule, lanes, inputs)
        return self.stepper.step(self.rule, lanes, inputs, index)

    def progress(self, start: int, stop: int) -> Tensor:
        """Give the share of the budget spent before each step from `start` until before `stop`: `[steps]`."""
        shares = (
            torch.arange(start, stop, dtype=torch.float64) * self.stepper.calls_per_step / self.batch.budget
        )
        return shares.to(self.instances.device, self.instances.dtype)

    def _progress(self, index: int) -> float:
        return index * self.stepper.calls_per_step / self.batch.budget

    def draws(self, start: int, stop: int) -> Draws:
        """Give what the steps from `start` until before `stop` see, `[steps, seeds, 1, …]`; all of one block."""
        own = self.instances.draws(start, stop) if self.stepper.losses.needs_draws else None
        return Draws(own, self._gradient_draws and self._gradient_draws.between(start, stop))

    def _draw(self, index: int) -> Draws:
        own = self.instances.draw(index) if self.stepper.losses.needs_draws else None
        return Draws(own, self._gradient_draws and self._gradient_draws.at(index))

    def _hyperparameters(self, exact: bool) -> dict[str, Tensor]:
        # A stateful rule takes plain floats: in float32 its 0.1 would be another number.
        device, dtype = self.instances.device, torch.float64 if exact else self.instances.dtype
        return {
            name: torch.tensor(
                [values[i] for i in self.settings.tolist()], device=device, dtype=dtype
            ).unsqueeze(-1)
            for name, values in self.batch.hyperparameters.items()
        }
