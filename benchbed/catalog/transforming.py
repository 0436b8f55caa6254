"""Transformed problems: the class of `rotated(quadratic)` from its two parts."""

import dataclasses
import functools
import inspect
from typing import Any

import torch
from torch import Generator, Tensor

from benchbed.catalog.names import prefixed, quoted
from benchbed.catalog.parameters import TYPES_BY_DEFAULT, field_types
from benchbed.errors import UsageError
from benchbed.interfaces import Layout, Problem, Transform
from benchbed.interfaces.transforms import DelegatingProblem


@dataclasses.dataclass(frozen=True)
class Bowl(Problem):
    """Sum of squares around a random point, with which transforms are checked."""

    @property
    def layout(self) -> Layout:
        """Two blocks of two coordinates."""
        return Layout({"first": (2,), "second": (2,)})

    def make_start(self, generator: Generator) -> Tensor:
        """Draw a standard normal start: `[4]`."""
        return torch.randn(4, generator=generator, dtype=torch.float64)

    def make_data(self, generator: Generator) -> Tensor:
        """Draw the minimizer: `[4]`."""
        return torch.randn(4, generator=generator, dtype=torch.float64)

    def objective(self, theta: Tensor, data: Tensor) -> Tensor:
        """Return the squared distance from the minimizer: `[...]`."""
        return (theta - data).square().sum(-1)

    def optimum(self, data: Tensor) -> Tensor:
        """Return 0."""
        return torch.zeros_like(data[..., 0])

    def minimizer(self, data: Tensor) -> Tensor:
        """Return the minimizer: `[..., 4]`."""
        return data


@functools.cache  # equal problems have one class
def transformed_class(name: str, transform: Transform, inner: type[Problem]) -> type[Problem]:
    """Return the class of a problem in a transform, whose parameters are prefixed by its name.

    Raises: UsageError if the two have a parameter of one name.
    """
    types = field_types(inner)
    fields: list[tuple[str, Any, Any]] = [
        (field.name, types[field.name], _with_default(field))
        for field in dataclasses.fields(inner)  # type: ignore[arg-type]  # a subclass is a dataclass
        if field.init
    ]
    own = {prefixed(name, parameter.name): parameter for parameter in own_parameters(transform)}
    for key, parameter in own.items():
        if key in types:
            raise UsageError(
                f"{quoted(name)} transforms a problem that has a parameter {key} already; use it once"
            )
        annotation = parameter.annotation
        if annotation is parameter.empty:
            annotation = TYPES_BY_DEFAULT.get(type(parameter.default), annotation)
        # Without a default, the check of the class describes the fault.
        value = dataclasses.field() if parameter.default is parameter.empty else parameter.default
        fields.append((key, annotation, value))

    def build_parts(problem: Any) -> None:
        values = {key: getattr(problem, key) for key in types}
        arguments = {parameter.name: getattr(problem, key) for key, parameter in own.items()}
        transformed = transform(inner(**values), **arguments)
        if not isinstance(transformed, Problem):
            raise TypeError(f"{name} returns {quoted(transformed)}; return a problem")
        object.__setattr__(problem, "_transformed", transformed)  # the dataclass is frozen

    namespace = {
        "__post_init__": build_parts,
        "__module__": getattr(transform, "__module__", __name__),
        "__doc__": transform.__doc__,
        "inner": property(lambda problem: problem._transformed),
    }
    label = f"{getattr(transform, '__name__', name)}({inner.__name__})"
    return dataclasses.make_dataclass(
        "Transformed", fields, bases=(DelegatingProblem,), namespace={**namespace, "__qualname__": label}, frozen=True
    )  # fmt: skip


def own_parameters(transform: Transform) -> list[inspect.Parameter]:
    """Return the parameters of a transform that a user sets: all but the problem."""
    return list(inspect.signature(transform, eval_str=True).parameters.values())[1:]


def _with_default(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return dataclasses.field(default_factory=field.default_factory)
    return field.default
