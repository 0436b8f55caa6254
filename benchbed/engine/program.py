"""Join a batch, its instances and its rule into one program that makes a step of every lane."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from benchbed.engine.batch import Batch
from benchbed.engine.checkpoints import affordable_calls, checkpoint_steps
from benchbed.engine.instances import Instances, is_deterministic
from benchbed.engine.lanes import Tree, choose, leaves
from benchbed.engine.losses import Losses
from benchbed.engine.oracle import CountingOracle, Evaluate
from benchbed.engine.rules import Rule, Step, make_rule, state_bytes
from benchbed.engine.state import Lanes
from benchbed.interfaces import Optimizer


class Program:
    """Everything a step needs beside the lanes themselves."""

    def __init__(self, batch: Batch, instances: Instances, settings: Tensor | None = None) -> None:
        self.batch, self.instances = batch, instances
        self.settings = torch.arange(batch.settings) if settings is None else settings
        optimizer = self.build({name: values[0] for name, values in batch.hyperparameters.items()})
        self.full = optimizer.oracle == "full"
        self.losses = Losses(batch.problem, self.full, is_deterministic(batch.problem))
        self.price = (batch.problem.full_price or 1.0) if self.full else 1.0
        self.rule: Rule = make_rule(self.build, optimizer, self._hyperparameters(exact=optimizer.stateful))
        self.calls_per_step = self.price
        """Calls that every lane makes in a step; known exactly after the first."""
        self.adaptive = self.rule.opaque
        """Lanes differ in the calls they make, so each must watch its own budget."""

    def build(self, hyperparameters: Mapping[str, Any]) -> Optimizer[Any]:
        """Call the factory with these and the static hyperparameters."""
        return self.batch.factory(**self.batch.statics, **hyperparameters)

    def begin(self) -> Lanes:
        """Place every lane at its start."""
        theta = self.instances.start[:, None].expand(-1, len(self.settings), -1).clone()
        return Lanes.at(theta, self.rule.init(theta))

    def select(self, seeds: Tensor, settings: Tensor) -> "Program":
        """Keep these positions of both dimensions."""
        chosen = Program(self.batch, self.instances.select(seeds.tolist()), self.settings[settings.cpu()])
        chosen.calls_per_step, chosen.adaptive = self.calls_per_step, self.adaptive
        return chosen

    def bytes_of_state(self, lanes: Lanes) -> float | None:
        """Count the bytes of state that a lane holds; None where the engine cannot look inside."""
        return None if self.rule.opaque else state_bytes(lanes.state, lanes.calls.numel())

    def stops(self) -> Iterator[int]:
        """Give the steps after which to measure; what a step costs shows in the first."""
        yield 1
        steps = checkpoint_steps(self.batch.budget, self.calls_per_step, self.batch.every_step)
        yield from (step for step in steps if step > 1)

    @property
    def excess(self) -> str | None:
        """Say why not even one step can be paid for; None if it can."""
        if self.calls_per_step <= self.batch.budget:
            return None
        return (
            f"a single step costs {self.calls_per_step:g} calls, more than the budget of {self.batch.budget}"
        )

    def step(self, lanes: Lanes, index: int) -> Lanes:
        """Make step `index` (from 0): ask the oracle, update, and leave finished lanes as they were.

        Calls and divergence are charged here only where lanes differ; elsewhere `account` does so at the checkpoint.
        """
        data = self.instances.data
        draw = self.instances.draw(index) if self.losses.needs_draws else None
        running = self._affordable(lanes)

        def evaluate(point: Tensor) -> tuple[Tensor, Tensor]:
            return self.batch.gradient(lambda theta: self.losses.batched(theta, data, draw), point)

        oracle, finite = self._ask(evaluate, lanes, index)
        active = running & finite
        theta, state = self._update(oracle, lanes, active, draw)
        if index == 0:
            self.calls_per_step = self.price * (1 + oracle.further_calls)
            self.adaptive = self.adaptive or oracle.some_calls is not None
        elif not self.adaptive and self._asked_otherwise(oracle):
            raise RuntimeError(
                f"step {index + 1} asks its oracle more or less often than the first, so that its calls would be "
                "miscounted; make the same calls in every step, some of them with `where`"
            )
        moved = Lanes(
            theta=torch.where(active.unsqueeze(-1), theta, lanes.theta),
            state=state if self.rule.opaque else choose(active, state, lanes.state),
            calls=lanes.calls,
            steps=lanes.steps + active,
            running=active,
            diverged=lanes.diverged,
        )
        return self._charge(oracle, moved, running, finite) if self.adaptive else moved

    def account(self, before: Lanes, lanes: Lanes) -> Lanes:
        """Charge the calls made since `before`, the last checkpoint, and mark the lanes that a gradient stopped."""
        if self.adaptive:
            return lanes
        stopped = before.running & ~lanes.running
        made = (lanes.steps - before.steps) * self.calls_per_step + stopped * self.price
        return lanes._replace(calls=before.calls + made, diverged=before.diverged | stopped)

    def _asked_otherwise(self, oracle: CountingOracle) -> bool:
        calls = self.price * (1 + oracle.further_calls)
        return oracle.some_calls is not None or calls != self.calls_per_step

    def _affordable(self, lanes: Lanes) -> Tensor:
        if not self.adaptive:
            return lanes.running  # the number of steps already keeps to the budget
        return lanes.running & (lanes.calls + self.calls_per_step <= affordable_calls(self.batch.budget))

    def _ask(self, evaluate: Evaluate, lanes: Lanes, index: int) -> tuple[CountingOracle, Tensor]:
        loss, gradient = evaluate(lanes.theta)
        finite = torch.linalg.vector_norm(gradient, torch.inf, dim=-1) < torch.inf
        if self.adaptive:
            progress = (lanes.calls / self.batch.budget).to(gradient.dtype).unsqueeze(-1)
        else:
            spent = index * self.calls_per_step / self.batch.budget
            progress = gradient.new_full((1, 1, 1), spent).expand(*gradient.shape[:2], 1)
        # Lanes that are not finite are frozen, but some operations raise for all lanes if one holds NaN.
        return CountingOracle(evaluate, loss, gradient.nan_to_num(0, 0, 0), progress), finite

    def _update(
        self, oracle: CountingOracle, lanes: Lanes, active: Tensor, draw: Tree
    ) -> tuple[Tensor, Tree]:
        if self.rule.opaque and not active.item():
            return lanes.theta, lanes.state
        step = Step(self.losses.single, self.batch.gradient, self.instances.data, draw, self.instances.shared)
        theta, state = self.rule.step(oracle, lanes.state, lanes.theta, step)
        self._refuse_broadcasts(theta, state, lanes)
        return theta, state

    def _refuse_broadcasts(self, theta: Tensor, state: Tree, lanes: Lanes) -> None:
        # The choice between old and new would stretch a tensor of another shape over all lanes without a word.
        pairs = [("theta", theta, lanes.theta)]
        if not self.rule.opaque:
            new, old = leaves(state), leaves(lanes.state)
            if len(new) != len(old):
                raise ValueError(f"update changes the number of state tensors from {len(old)} to {len(new)}")
            pairs += [("a state tensor", after, before) for after, before in zip(new, old, strict=True)]
        for what, after, before in pairs:
            if after.shape != before.shape:
                raise ValueError(f"update changes {what} from {tuple(before.shape)} to {tuple(after.shape)}")

    def _charge(self, oracle: CountingOracle, lanes: Lanes, running: Tensor, finite: Tensor) -> Lanes:
        calls = lanes.running * float(1 + oracle.further_calls)
        if oracle.some_calls is not None:
            calls = calls + lanes.running * oracle.some_calls
        stopped = running & ~finite
        made = self.price * torch.where(stopped, 1.0, calls).double()
        return lanes._replace(calls=lanes.calls + made, diverged=lanes.diverged | stopped)

    def _hyperparameters(self, exact: bool) -> dict[str, Tensor]:
        # A stateful rule takes plain floats: in float32 its 0.1 would be another number.
        device, dtype = self.instances.device, torch.float64 if exact else self.instances.dtype
        return {
            name: torch.tensor(
                [values[i] for i in self.settings.tolist()], device=device, dtype=dtype
            ).unsqueeze(-1)
            for name, values in self.batch.hyperparameters.items()
        }
