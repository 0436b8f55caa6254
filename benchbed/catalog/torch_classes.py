"""Factories of torch optimizers: the parameters of a class as hyperparameters, and its construction on blocks."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch.nn import Parameter

from benchbed.catalog.names import error_line, quoted, reason
from benchbed.catalog.parameters import (
    LEARNING_RATE,
    PROBE,
    convert_hyperparameter,
    hyperparameters_of,
    unknown_key,
)
from benchbed.catalog.selector_reader import SelectorReader
from benchbed.catalog.torch_references import import_class, is_optimizer_class
from benchbed.catalog.torch_signatures import (
    ClassSignature,
    OptimizerClass,
    keyword,
    read_signature,
)
from benchbed.errors import UsageError
from benchbed.interfaces import Layout, Optimizer, OptimizerFactory, torch_optimizer
from benchbed.interfaces.torch_blocks import Built, TorchState

_Construct = Callable[[list[Any]], torch.optim.Optimizer]
"""Parameters, or groups of them -> the instance of a class."""


@functools.cache
def torch_factory(optimizer_class: OptimizerClass) -> OptimizerFactory:
    """Return a factory with the parameters of a class, by the names of this project.

    `lr` is called `learning_rate`, and an optimizer that is wrapped `base`; `others` is the optimizer of the blocks
    that the class refuses (if it refuses none, of those with less than two dimensions). A parameter whose values
    cannot be written in a selector keeps its default. None keeps a default that is infinite.

    Raises: ValueError if a parameter without a default cannot be written.
    """
    signature = read_signature(optimizer_class)

    def factory(layout: Layout | None = None, **settings: Any) -> Optimizer[TorchState]:
        others = settings.pop("others", None)
        construct = _constructor(optimizer_class, signature, settings)
        construct_others = None if others is None else _nested("others", others)
        if layout is None or layout is PROBE:
            for constructor in filter(None, (construct, construct_others)):
                _check(constructor)
        return torch_optimizer(functools.partial(_build, construct, construct_others), layout)

    factory.__wrapped__ = optimizer_class  # type: ignore[attr-defined]  # its definition, for `inspect.unwrap`
    factory.__doc__ = optimizer_class.__doc__
    factory.__name__ = getattr(optimizer_class, "func", optimizer_class).__name__
    parameters = [*signature.parameters.values(), keyword("layout", None, Layout | None)]
    factory.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # for inspect
    return factory


def is_torch_factory(factory: object) -> bool:
    """Return whether `torch_factory` has built a factory."""
    wrapped = getattr(factory, "__wrapped__", None)
    return is_optimizer_class(getattr(wrapped, "func", wrapped))


def _constructor(
    optimizer_class: OptimizerClass, signature: ClassSignature, settings: Mapping[str, Any]
) -> _Construct:
    """Return the function that builds the class on parameters, with its defaults and `settings`."""
    values = {name: parameter.default for name, parameter in signature.parameters.items()} | dict(settings)
    values.pop("others", None)
    construct_base: _Construct | None = None
    if signature.base:
        has_rate = "learning_rate" in signature.original_names
        rate = {} if has_rate else {"learning_rate": values.pop("learning_rate")}
        construct_base = _nested("base", values.pop("base"), rate)
    keywords: dict[str, Any] = {}
    for name, value in values.items():
        if value is None and name in signature.kept:
            if signature.kept[name] is inspect.Parameter.empty:
                raise ValueError(f"its parameter {name!r} has no default; write [{name}=…]")
            continue
        is_number = signature.parameters[name].annotation in (float, LEARNING_RATE)
        keywords[signature.original_names[name]] = float(value) if is_number else value

    def construct(parameters: list[Any]) -> torch.optim.Optimizer:
        if construct_base is None:
            return optimizer_class(parameters, **keywords)
        if signature.wraps_instance:
            return optimizer_class(construct_base(parameters), **keywords)
        base = {signature.base: lambda groups, **options: construct_base(groups)}
        return optimizer_class(parameters, **base, **keywords)

    return construct


def _nested(key: str, text: str, further: Mapping[str, Any] | None = None) -> _Construct:
    """Return the constructor of the class that a parameter names, with `further` settings."""
    try:
        tree = SelectorReader(text).read()
        if ":" not in tree.name:
            raise ValueError(f"{key} is {quoted(text)}; write a class, such as {key}=torch.optim:AdamW")
        optimizer_class = import_class(tree.name).optimizer_class
        parameters = hyperparameters_of(torch_factory(optimizer_class))
        settings = dict(further or {})
        for name, value in tree.parameters.items():
            if name in settings:
                raise ValueError(f"the {name} of {key} is that of the whole; write it outside of {key}")
            if name not in parameters:
                raise unknown_key(tree.name, name, parameters)
            settings[name] = convert_hyperparameter(tree.name, parameters[name], value)
        for name in settings:
            if name not in parameters:
                raise ValueError(f"{key} is {quoted(text)}, which has no {name}; choose another class")
    except UsageError as error:
        raise ValueError(str(error)) from error
    return _constructor(optimizer_class, read_signature(optimizer_class), settings)


def _build(
    construct: _Construct, construct_others: _Construct | None, blocks: Mapping[str, Parameter]
) -> Built:
    """Build the class on the blocks that it accepts, and the other optimizer on the rest."""
    refusal: Exception | None = None
    try:
        optimizer = _construct_on(construct, blocks.values())
        if construct_others is None:
            return optimizer
        accepted = {name: block for name, block in blocks.items() if block.ndim > 1}
    except Exception as error:  # noqa: BLE001 (a class may raise anything)
        refusal = error
        accepted = {name: block for name, block in blocks.items() if _accepts(construct, block)}
    rest = {name: block for name, block in blocks.items() if name not in accepted}
    if refusal is not None and not (accepted and rest):
        raise ValueError(f"it refuses the blocks {_shapes(blocks)}: {_cause(refusal)}") from refusal
    if construct_others is None:
        raise ValueError(
            f"it refuses {_shapes(rest)} and accepts {_shapes(accepted)}: {_cause(refusal)}; name an optimizer for "
            "the rest, such as others=torch.optim:AdamW"
        ) from refusal
    if not accepted:
        raise ValueError(
            f"no block of {_shapes(blocks)} is a matrix, so that all would go to others; omit others"
        )
    optimizers = [_construct_on(construct, accepted.values())]
    optimizers += [_construct_on(construct_others, rest.values())] if rest else []
    return tuple(optimizers)


def _construct_on(construct: _Construct, blocks: Iterable[Parameter]) -> torch.optim.Optimizer:
    """Build a class on parameters, or on groups with the flag that several implementations of Muon demand."""
    parameters = list(blocks)
    try:
        return construct(parameters)
    except Exception as error:  # noqa: BLE001 (a class may raise anything)
        matrices = [block for block in parameters if block.ndim > 1]
        vectors = [block for block in parameters if block.ndim <= 1]
        groups = [(matrices, True), (vectors, False)]
        try:
            return construct([{"params": group, "use_muon": flag} for group, flag in groups if group])
        except Exception:  # noqa: BLE001 (a class may raise anything)
            raise error from None


def _accepts(construct: _Construct, block: Parameter) -> bool:
    try:
        _construct_on(construct, [block])
    except Exception:  # noqa: BLE001 (a class may raise anything)
        return False
    return True


def _check(construct: _Construct) -> None:
    """Raise ValueError if a class accepts its settings for no shape of blocks: it rejects them before any trial."""
    matrix, vector = (Parameter(torch.zeros(shape, dtype=torch.float64)) for shape in ((3, 2), (3,)))
    for blocks in ([matrix, vector], [vector], [matrix]):
        try:
            _construct_on(construct, blocks)
        except Exception as error:  # noqa: BLE001 (a class may raise anything)
            refusal = error
        else:
            return
    raise ValueError(_cause(refusal)) from refusal


def _cause(error: Exception | None) -> str:
    return reason(error) if isinstance(error, ValueError) else error_line(error or ValueError())


def _shapes(blocks: Mapping[str, Parameter]) -> str:
    shapes = [
        f"{name!r} {' × '.join(map(str, block.shape)) or '(a number)'}" for name, block in blocks.items()
    ]
    return ", ".join(shapes)
