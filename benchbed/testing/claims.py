"""Claims: rules of the contract about one plugin, by name, for pytest and `benchbed check`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from benchbed.errors import ContractError
from benchbed.testing.assertions import ConformanceError

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True)
class Claim:
    """A rule of the contract about one plugin. Call it to check the rule; `str` returns its identifier."""

    subject: str
    """Name of the plugin's function or class."""
    name: str
    """Name of the rule: `lane-counts`."""
    sentence: str
    """The rule: `an update of some lanes equals the update of all lanes`."""
    check: Callable[[], None]

    def __call__(self) -> None:
        """Check the rule. Raises: ConformanceError with the difference, and any exception of the plugin."""
        try:
            self.check()
        except (ConformanceError, ContractError) as error:
            raise ConformanceError(f"{self.subject}: {error}") from error

    def __str__(self) -> str:
        """Return the plugin and the name of the rule: `softsign-lane-counts`."""
        return f"{self.subject}-{self.name}"


class PluginUnderTest(Protocol):
    """A plugin that is checked."""

    name: str


S = TypeVar("S", bound=PluginUnderTest)


def claims_of(subject: S, checks: Sequence[Callable[[S], None]]) -> list[Claim]:
    """Return the claim of each check about a plugin; `check_lane_counts` checks the claim `lane-counts`."""

    def claim_of(check: Callable[[S], None]) -> Claim:
        name = check.__name__.removeprefix("check_").replace("_", "-")
        sentence = (check.__doc__ or name).partition("\n")[0].removeprefix("Check that ").removesuffix(".")
        return Claim(subject.name, name, sentence, lambda: check(subject))

    return [claim_of(check) for check in checks]


def check_claims(claims: Iterable[Claim]) -> None:
    """Check claims in order. Raises: ConformanceError with the plugin's name at the first broken rule."""
    for claim in claims:
        claim()


def parametrize_claims(*plugins: Iterable[Claim]) -> "pytest.MarkDecorator":
    """Return a pytest decorator that runs a test once for each claim, which the test receives as `claim`.

    Args:
        plugins: The claims of each plugin, from `optimizer_claims`, `problem_claims`, `wrapper_claims` or
            `transform_claims`.

    Raises: ModuleNotFoundError without pytest.
    """
    import pytest  # not a dependency of benchbed

    return pytest.mark.parametrize("claim", [claim for claims in plugins for claim in claims], ids=str)
