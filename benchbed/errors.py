"""Hold the errors that a user can mend, each with the exit code it ends a command with."""


class BenchbedError(Exception):
    """Say in one sentence what is wrong and what to do; printed without a traceback."""

    exit_code = 1


class UsageError(BenchbedError):
    """What was asked for is misspelt, malformed or impossible."""

    exit_code = 2


class StudyFolderError(BenchbedError):
    """The study folder cannot be read, written or locked."""

    exit_code = 3


class NothingSelectedError(BenchbedError):
    """What was asked for is valid and selects nothing to run."""

    exit_code = 5
