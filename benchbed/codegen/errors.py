"""Errors of the code generator."""


class CodegenError(Exception):
    """Base class: a step for which no compiled function can be built."""

    line: str | None = None
    """`file:line` of the plugin with the operation that is the reason, if there is one."""


class UnsupportedOperationError(CodegenError):
    """A step contains an operation, a type or a size that the generator does not support."""


class CompilationError(CodegenError):
    """No C++ compiler is installed, it rejects the source, or its output cannot be stored."""


class TooLittleWorkError(CodegenError):
    """A step takes longer to compile than it saves."""
