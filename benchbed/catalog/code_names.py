"""Names of the globals and the modules that the code of a function uses, with the functions inside it."""

import dis
import importlib.util
from collections.abc import Iterable, Iterator
from types import CodeType, ModuleType


def global_names(code: CodeType) -> set[str]:
    """Return the names of the globals that code reads."""
    steps = [step for each in _with_nested(code) for step in dis.get_instructions(each)]
    return {step.argval for step in steps if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}


def imported_names(code: CodeType, package: str | None) -> Iterator[str]:
    """Yield the names of the modules that code in `package` imports, and of their attributes that it imports."""
    for each in _with_nested(code):
        steps = [step for step in dis.get_instructions(each) if step.opname != "EXTENDED_ARG"]
        for index, step in enumerate(steps):
            if step.opname != "IMPORT_NAME":
                continue
            level, names = steps[index - 2].argval, steps[index - 1].argval
            if level and not package:
                continue  # it raises ImportError
            module = importlib.util.resolve_name("." * level + step.argval, package)
            yield module
            yield from (f"{module}.{name}" for name in names or ())


def submodule_names(modules: Iterable[ModuleType], code: CodeType) -> Iterator[str]:
    """Yield the names of the modules that code reads as attributes of `modules`, as after `import package.module`."""
    attributes = {name for each in _with_nested(code) for name in each.co_names}
    pending, seen = list(modules), set[int]()
    while pending:
        namespace = vars(pending.pop())
        for name in sorted(attributes & namespace.keys()):
            value = namespace[name]
            if type(value) is ModuleType and id(value) not in seen:
                seen.add(id(value))
                pending.append(value)
                yield value.__name__


def _with_nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_nested(constant)
