"""Errors that a user can correct, with the exit codes of the command."""

from collections.abc import Mapping

CONTINUES = "finished trials are stored, and the same command continues the study"
"""End of the message of a study that was interrupted."""


class BenchbedError(Exception):
    """Error whose message, printed without a traceback, describes a problem and its solution in one sentence."""

    exit_code = 1

    @property
    def lines(self) -> tuple[str, ...]:
        """The message as lines, of which each is a sentence."""
        return (str(self),)


class ContractError(BenchbedError):
    """A plugin breaks the contract in a way that makes numbers wrong, so its trials are not measured."""


class UnknownOptimumError(BenchbedError):
    """The optimum or the scale of a problem cannot be computed, so its trials run without a score."""


class UsageError(BenchbedError):
    """A request is misspelt, malformed or impossible."""

    exit_code = 2


class UnusableSelectorsError(UsageError):
    """Some selectors of a request cannot be used."""

    def __init__(self, errors: Mapping[tuple[str, str], UsageError], hint: str) -> None:
        """`errors` by kind and selector; `hint` is the last line of the message, "" for none."""
        self.errors, self._hint = errors, hint
        super().__init__("\n".join(self.lines))

    @property
    def lines(self) -> tuple[str, ...]:
        """One for each selector, and the hint."""
        return (*map(str, self.errors.values()), *([self._hint] if self._hint else []))


class StudyFolderError(BenchbedError):
    """The study folder cannot be read, written or locked."""

    exit_code = 3


class NothingSelectedError(BenchbedError):
    """A valid request selects nothing to run."""

    exit_code = 5


class ExecutorLostError(BenchbedError):
    """The executor of a study cannot be used any more; the trials that finished are stored."""
