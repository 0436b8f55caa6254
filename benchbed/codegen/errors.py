"""Errors of the code generator."""


class CodegenError(Exception):
    """Base class: a step for which no compiled function can be built."""


class UnsupportedOperationError(CodegenError):
    """A step contains an operation, a type or a size that the generator does not support."""


class CompilationError(CodegenError):
    """No C++ compiler is installed, it rejects the source, or its output cannot be stored."""
