"""Errors that a user can correct, with the exit codes of the command."""


class BenchbedError(Exception):
    """Error whose message, printed without a traceback, describes a problem and its solution in one sentence."""

    exit_code = 1


class ContractError(BenchbedError):
    """A plugin breaks the contract in a way that makes numbers wrong, so its trials are not measured."""


class UnknownOptimumError(BenchbedError):
    """The optimum or the scale of a problem cannot be computed, so its trials run without a score."""


class UsageError(BenchbedError):
    """A request is misspelt, malformed or impossible."""

    exit_code = 2


class StudyFolderError(BenchbedError):
    """The study folder cannot be read, written or locked."""

    exit_code = 3


class NothingSelectedError(BenchbedError):
    """A valid request selects nothing to run."""

    exit_code = 5
