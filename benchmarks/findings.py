"""Known findings about optimizers that benchbed must reproduce; exits with 1 if one does not come out.

    python benchmarks/findings.py [--networks]

With `--networks` it also trains networks on MNIST-1D, for a minute or two. Each finding has a value from a closed
form, a theorem or a paper. `docs/findings.md` shows the table that this prints.
"""

import sys
from collections.abc import Iterator, Sequence

from findings_averages import noise_floors_of_averages
from findings_bounds import worst_cases
from findings_problems import accuracies, networks, peaks, rotations, tails
from findings_rates import large_rates, linear_rates, noise_floors, signs_and_decay
from findings_record import Finding


def findings(with_networks: bool) -> Iterator[Finding]:
    """Yield all findings."""
    rules = [linear_rates, signs_and_decay, noise_floors, noise_floors_of_averages, worst_cases, large_rates]
    groups = [*rules, tails, rotations, accuracies, peaks]
    for group in [*groups, networks] if with_networks else groups:
        yield from group()


def main(arguments: Sequence[str] = ()) -> int:
    """Print a markdown table; return 1 if a finding does not hold."""
    print("| finding | expected | measured | holds |\n|---|---|---|---|")
    failures = 0
    for finding in findings("--networks" in arguments):
        print(
            f"| {finding.sentence} | {finding.expected} | {finding.measured} | {'yes' if finding.holds else 'NO'} |"
        )
        failures += not finding.holds
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
