"""Profile of a network's compiled step: µs of each kind of statement in the generated function.

`python benchmarks/step_profile.py [--problem polynomial-network] [--trials 100] [--steps 300] [--rounds 5]`. The
generated function for a batch of Adam on a network reads a clock after every statement and runs on one core; the last
line is the time without clocks. The output is medians over the rounds.
"""

import argparse
import ctypes
import re
import statistics
import time
from collections.abc import Iterator

import torch
from cores import keep_to
from peers_benchbed import PROBLEMS, batch_of
from peers_trials import lanes_of, rates_of
from tabulate import tabulate

from benchbed.codegen.compiled_step import CompiledStep, vector_width
from benchbed.codegen.tensorwise.codegen import generate
from benchbed.engine.compiled_backend import GeneratedBackend, trace_step
from benchbed.engine.sampling import Instances
from benchbed.engine.tile import Tile
from benchbed_optimizers.adam import adam

NETWORK = "polynomial-network"
LOOP = "for (; step < stops[stop]; ++step) {\n"
CLOCK = """
#include <chrono>
static inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
"""


def statements(step: str) -> Iterator[str]:
    """Split the body of the loop over steps where all brackets are closed."""
    lines: list[str] = []
    depth = 0
    for line in step.splitlines():
        lines.append(line)
        depth += line.count("{") - line.count("}")
        if depth == 0 and "}" in line:
            yield "\n".join(lines)
            lines = []
    if lines:
        yield "\n".join(lines)


def kind_of(statement: str) -> str:
    """Return the kind of operation of a statement."""
    product = re.search(r"product<(\d+), (\d+), (\d+)>", statement)
    if product:
        rows, columns, inner = product.groups()
        return f"product of {rows} × {inner} and {inner} × {columns}"
    if call := re.search(r'dispatcher\("aten::(\w+)"', statement):
        return f"call of {call[1]}"
    if "int64_t position" in statement:
        return "gathered samples of the mini-batch, and other indices"
    if re.search(r"reduce_(rows|columns)<", statement):
        return "reductions"
    if "transpose<" in statement:
        return "transposed copies"
    return "elementwise, with tanh" if "of_tanh" in statement else "elementwise, without tanh"


def with_clocks(text: str) -> tuple[str, list[str]]:
    """Return a source that adds the seconds of each kind to `spent`, and the names of the kinds."""
    head, tail = text.split(LOOP)
    step, end = tail.split("\n      }\n", 1)
    body = list(statements(step))
    kinds = list(dict.fromkeys(map(kind_of, body)))
    counted = "".join(
        f"{statement}\n{{ const double t = now(); spent[{kinds.index(kind)}] += t - before; before = t; }}\n"
        for statement, kind in zip(body, map(kind_of, body), strict=True)
    )
    counters = f'{CLOCK}extern "C" {{ double spent[{len(kinds)}]; }}\nextern "C" int64_t advance'
    head = head.replace('extern "C" int64_t advance', counters)
    return f"{head}{LOOP}double before = now();\n{counted}\n      }}\n{end}", kinds


def measure(
    trials: int, steps: int, rounds: int, problem_name: str = NETWORK
) -> tuple[dict[str, float], float, float]:
    """Measure µs a trial-step of each kind of statement, of all with the clocks, and of the plain function."""
    problem, (seeds, settings) = PROBLEMS[problem_name], lanes_of(trials)
    batch = batch_of(problem_name, problem, adam, rates_of(settings).tolist(), seeds, steps + 1)
    instances = Instances(problem, batch.seeds, torch.device("cpu"), getattr(torch, problem.dtype))
    tile = Tile(batch, instances)
    lanes = tile.step(tile.start_lanes(), 0)
    traced = trace_step(tile, lanes)
    plain = CompiledStep(traced, generate(traced, vector_width(lanes.theta.dtype)))
    text, kinds = with_clocks(plain.source.text)
    clocked = CompiledStep(traced, plain.source._replace(text=text))
    spent = (ctypes.c_double * len(kinds)).in_dll(clocked.library, "spent")
    sides = {
        name: GeneratedBackend(tile, lanes, traced, step) for name, step in (("", plain), ("clocks", clocked))
    }
    seconds: dict[str, list[float]] = {}
    for _ in range(rounds):
        spent[:] = [0.0] * len(kinds)
        for name, side in sides.items():
            start = time.perf_counter()
            side.advance(tile, lanes, 1, [steps + 1])
            seconds.setdefault(name, []).append(time.perf_counter() - start)
        for name, value in zip(kinds, spent, strict=True):
            seconds.setdefault(name, []).append(value)
    share = 1e6 / (trials * steps)
    times = {name: share * statistics.median(values) for name, values in seconds.items()}
    total, clocked_total = times.pop(""), times.pop("clocks")
    return times, clocked_total, total


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problem", choices=PROBLEMS, default=NETWORK, metavar="NAME", help="a network")
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    keep_to(1)
    torch.set_flush_denormal(True)  # as in a run
    with torch.no_grad():
        times, clocked_total, total = measure(options.trials, options.steps, options.rounds, options.problem)
    rows = sorted(times.items(), key=lambda item: -item[1])
    rows += [("all, with clocks", clocked_total), ("all, without clocks", total)]
    print(tabulate(rows, ("statements", "µs a trial-step"), floatfmt=".2f"))


if __name__ == "__main__":
    main()
