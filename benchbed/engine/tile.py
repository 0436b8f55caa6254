"""Join a kernel with the instances and hyperparameters of a tile into one program that steps its lanes."""

from collections.abc import Hashable, Iterator

import torch
from torch import Tensor

from benchbed.engine.adapters import state_bytes
from benchbed.engine.batch import Batch
from benchbed.engine.checkpoints import checkpoint_steps
from benchbed.engine.instances import Instances, is_deterministic
from benchbed.engine.sampling import Draws
from benchbed.engine.state import Lanes
from benchbed.engine.step import Inputs, Kernel


class Program:
    """Everything that a tile's steps need beside the lanes themselves."""

    def __init__(
        self,
        batch: Batch,
        instances: Instances,
        settings: Tensor | None = None,
        kernel: Kernel | None = None,
    ) -> None:
        self.batch, self.instances = batch, instances
        self.settings = torch.arange(batch.settings) if settings is None else settings
        self.kernel = kernel or Kernel(batch, instances.shared, is_deterministic(batch.problem))
        self._gradient_draws = instances.draws_of(batch.gradient)
        self.hyperparameters = self._hyperparameters(exact=self.kernel.optimizer.stateful)
        self.rule = self.kernel.bind(self.hyperparameters)

    def begin(self) -> Lanes:
        """Place every lane at its start."""
        theta = self.instances.start[:, None].expand(-1, len(self.settings), -1).clone()
        return Lanes.at(theta, self.rule.init(theta), may_converge=self.batch.tolerance is not None)

    def select(self, seeds: Tensor, settings: Tensor) -> "Program":
        """Keep these positions of both dimensions."""
        instances = self.instances.select(seeds.tolist())
        return Program(self.batch, instances, self.settings[settings.cpu()], self.kernel)

    def bytes_of_state(self, lanes: Lanes) -> float | None:
        """Count the bytes of state that a lane holds; None where the engine cannot look inside."""
        return None if self.rule.opaque else state_bytes(lanes.state, lanes.calls.numel())

    def stops(self) -> Iterator[int]:
        """Give the steps after which to measure, beyond the first: only that one shows what a step costs."""
        steps = checkpoint_steps(self.batch.budget, self.kernel.calls_per_step, self.batch.every_step)
        yield from (step for step in steps if step > 1)

    @property
    def identity(self) -> Hashable:
        """Name all that a kernel takes from its batch; what differs otherwise comes in as an argument."""
        batch = self.batch
        return (
            batch.problem, repr(batch.problem), batch.factory, repr(sorted(batch.statics.items())),
            tuple(batch.hyperparameters), batch.gradient, batch.budget, batch.dtype, batch.device,
            batch.tolerance, self.kernel.calls_per_step, self.kernel.adaptive,
        )  # fmt: skip

    @property
    def excess(self) -> str | None:
        """Say why not even one step can be paid for; None if it can."""
        cost = self.kernel.calls_per_step
        if cost <= self.batch.budget:
            return None
        return f"a single step costs {cost:g} calls, more than the budget of {self.batch.budget}"

    def step(self, lanes: Lanes, index: int) -> Lanes:
        """Make step `index` (from 0) of every lane."""
        inputs = Inputs(self.instances.data, self._draw(index), self._spent(index))
        if index == 0:
            return self.kernel.first(self.rule, lanes, inputs)
        return self.kernel.step(self.rule, lanes, inputs, index)

    def spent(self, start: int, stop: int) -> Tensor:
        """Give the share of the budget spent before each step from `start` until before `stop`: `[steps]`."""
        shares = (
            torch.arange(start, stop, dtype=torch.float64) * self.kernel.calls_per_step / self.batch.budget
        )
        return shares.to(self.instances.device, self.instances.dtype)

    def _spent(self, index: int) -> float:
        return index * self.kernel.calls_per_step / self.batch.budget

    def draws(self, start: int, stop: int) -> Draws:
        """Give what the steps from `start` until before `stop` see, `[steps, seeds, 1, …]`; all of one block."""
        own = self.instances.draws(start, stop) if self.kernel.losses.needs_draws else None
        return Draws(own, self._gradient_draws and self._gradient_draws.between(start, stop))

    def _draw(self, index: int) -> Draws:
        own = self.instances.draw(index) if self.kernel.losses.needs_draws else None
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
