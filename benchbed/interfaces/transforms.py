"""Problems made of other problems: the base classes of transforms."""

import functools
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Generator, Tensor
from torch.utils import _pytree as pytree  # as in the engine

from benchbed.interfaces.modules.drawn_noise import with_drawn_noise
from benchbed.interfaces.problem import BufferedData, Data, Metric, Problem

Transform = Callable[..., Problem]
"""A function from a problem to a problem, such as a subclass of `TransformedProblem`; it may have parameters."""


class TransformedData(NamedTuple):
    """The data of a transformed problem."""

    original: Data
    """Those of the original problem."""
    own: Data
    """Those of the transform."""


class _Inherited:
    """A member that a problem takes from the problem inside it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, problem: "DelegatingProblem | None", owner: type) -> Any:
        if problem is not None:
            return getattr(problem.inner, self._name)
        default = getattr(Problem, self._name)
        # A method or property of the class is not that of `Problem`.
        return self if callable(default) or isinstance(default, property) else default


class DelegatingProblem(Problem):
    """A problem that takes each member from the problem inside it, unless it overrides the member."""

    layout: Any = _Inherited("layout")  # abstract members, which the class must have when it is made
    make_start: Any = _Inherited("make_start")
    objective: Any = _Inherited("objective")

    @property
    @abstractmethod
    def inner(self) -> Problem:
        """The problem inside."""


for _name in vars(Problem).keys() - vars(DelegatingProblem).keys():
    if not _name.startswith("_"):
        setattr(DelegatingProblem, _name, _Inherited(_name))


@dataclass(frozen=True)
class TransformedProblem(DelegatingProblem):
    """A problem θ ↦ f(θ) in other coordinates φ, or with a changed loss; subclass as a frozen dataclass.

    The further fields of the dataclass are the parameters of the transform; they need defaults. Override `to_original`
    and `from_original` to change coordinates: starts, minimizer, metrics and basins follow, and the optimum stays.
    Override `loss` and `make_draws` to change the loss of a step. Everything else is that of the original problem.
    """

    problem: Problem

    step_of_blocks = Problem.step_of_blocks

    def __post_init__(self) -> None:
        """Raise ValueError if the gradients of the problem are changed, which other coordinates would not respect."""
        if self.problem.changes_gradients:
            name = type(self.problem).__qualname__
            raise ValueError(
                f"{name} changes gradients and must be the outermost transform; write it around this one"
            )

    @functools.cached_property
    def inner(self) -> Problem:
        """The original problem."""
        return with_drawn_noise(self.problem)

    def to_original(self, theta: Tensor, own: Data) -> Tensor:
        """Return the point of the original problem at `theta: [..., dimension]`, given the transform's own data."""
        return theta

    def from_original(self, theta: Tensor, own: Data) -> Tensor:
        """Return the inverse of `to_original`."""
        return theta

    def make_own(self, generator: Generator) -> Data:
        """Draw the transform's own data of one instance; the generator has drawn the original data before."""
        return None

    def shared_own(self) -> Data:
        """Build own data that all instances share, instead of `make_own`; None if instances differ."""
        return None

    @property
    def per_trial(self) -> bool:  # type: ignore[override]  # a fact of the instance
        """True if the original problem is, or if it does not expect data with leading dimensions."""
        return self.inner.per_trial or self._distributes_shared_data

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Those of the original problem, at its point."""

        def at_original(metric: Metric) -> Metric:
            return lambda theta, data: metric(*self._original(theta, data))

        return {name: at_original(metric) for name, metric in self.inner.metrics.items()}

    def start_on(self, start: Tensor, data: Data) -> Tensor:
        """Return the point of the original start."""
        original, own = self._split(data)
        return self.from_original(self.inner.start_on(start, original), own)

    def make_data(self, generator: Generator) -> Data:
        """Draw the data of the original problem, and then those of the transform."""
        original = _shared_data_of(self.inner)
        if original is None:
            original = self.inner.make_data(generator)
        if not self._has_own:
            return original
        own = _shared_own_of(self)
        return TransformedData(original, self.make_own(generator) if own is None else own)

    def shared_data(self) -> Data:
        """Return shared data if both parts have some."""
        original = _shared_data_of(self.inner)
        if original is None or not self._has_own:
            return original
        own = _shared_own_of(self)
        return None if own is None else TransformedData(original, own)

    def loss(self, theta: Tensor, data: Data, draw: Data) -> Tensor:
        """Return the loss of the original problem at its point: `[...]`."""
        return self.inner.loss(*self._original(theta, data), draw)

    def objective(self, theta: Tensor, data: Data) -> Tensor:
        """Return the objective of the original problem at its point: `[...]`."""
        return self.inner.objective(*self._original(theta, data))

    def full_batch_loss(self, theta: Tensor, data: Data) -> Tensor:
        """Return the loss over all samples of the original problem at its point: `[...]`."""
        return self.inner.full_batch_loss(*self._original(theta, data))

    def next_buffers(self, theta: Tensor, data: Data, draw: Data) -> Data:
        """Return the buffers of the original problem after a step from its point."""
        return self.inner.next_buffers(*self._original(theta, data), draw)

    def optimum(self, data: Data) -> Tensor | None:
        """Return the optimum of the original problem, or its reference value."""
        return self.inner.optimum(self._undistributed(data))

    def minimizer(self, data: Data) -> Tensor | None:
        """Return the point of the original minimizer: `[..., dimension]`."""
        point, own = self.inner.minimizer(self._undistributed(data)), self._split(data)[1]
        if point is None:
            return None
        like = next((leaf for leaf in pytree.tree_leaves(own) if isinstance(leaf, Tensor)), point)
        return self.from_original(point.to(like), own)

    def in_basin(self, theta: Tensor, data: Data) -> Tensor | None:
        """Return whether the point of the original problem is in the basin of its optimum."""
        return self.inner.in_basin(*self._original(theta, data))

    @property
    def _has_own(self) -> bool:
        return any(
            getattr(type(self), name) is not getattr(TransformedProblem, name)
            for name in ("make_own", "shared_own")
        )

    @property
    def _distributes_shared_data(self) -> bool:
        """The instances share the original data, but not those of the transform: each receives both."""
        return self._has_own and _shared_data_of(self.inner) is not None and _shared_own_of(self) is None

    def _split(self, data: Data) -> tuple[Data, Data]:
        """Return the data of the original problem, with its buffers, and those of the transform."""
        if not self._has_own:
            return data, None
        if isinstance(data, BufferedData):
            return data._replace(data=data.data.original), data.data.own
        return data.original, data.own

    def _original(self, theta: Tensor, data: Data) -> tuple[Tensor, Data]:
        """Return the point of the original problem and its data."""
        original, own = self._split(data)
        return self.to_original(theta, own), original

    def _undistributed(self, data: Data) -> Data:
        """Return the data of the original problem without leading dimensions if its instances share them."""
        return _shared_data_of(self.inner) if self._distributes_shared_data else self._split(data)[0]


@functools.lru_cache(maxsize=8)
def _shared_data_of(problem: Problem) -> Data:
    """Return one object at each call, of which all instances take the same tensors."""
    return problem.shared_data()


@functools.lru_cache(maxsize=8)
def _shared_own_of(problem: TransformedProblem) -> Data:
    return problem.shared_own()


def original_of(problem: Problem) -> Problem:
    """Return the problem inside all transforms."""
    while isinstance(problem, DelegatingProblem):
        problem = problem.inner
    return problem
