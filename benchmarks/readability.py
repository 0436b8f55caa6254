"""Measure how the packages read: docstrings, clauses, local names, helpers called once, class names and sizes.

`python benchmarks/readability.py` prints the figures of every package; `--offenders` also lists each place, and paths
restrict both. The rules are those of CONTRIBUTING.md; `tests/test_readability.py` holds the repository to the limits.
"""

import argparse
import ast
import io
import re
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "benchbed",
    "plugins/benchbed_optimizers",
    "plugins/benchbed_course",
    "problems/benchbed_problems",
)

VAGUE_VERBS = re.compile(r"(Give|Tell|Say|Have|Hold|Offer|Refuse|Mend)s?\b")
VAGUE_CLAUSE = re.compile(r"\b(what|whatever|who|whoever)\b", re.IGNORECASE)
METAPHOR = re.compile(r"\b(house|room|door|stranger)('?s)?\b", re.IGNORECASE)
SENTENCE_END = re.compile(r"[.;!?]+(?:\s|$)|\n\s*\n")
VAGUE_NAMES = {
    "alone", "already", "answer", "apart", "asked", "behind", "beside", "bit", "chosen", "done", "drawn",
    "far", "few", "found", "given", "had", "held", "here", "it", "kept", "known", "lot", "made", "many",
    "met", "most", "much", "near", "new", "old", "once", "one", "other", "others", "own", "part", "parts",
    "piece", "pieces", "place", "places", "put", "rest", "said", "same", "seen", "shown", "some",
    "something", "spread", "taken", "that", "them", "there", "these", "thing", "things", "this", "those",
    "told", "tried", "used", "way", "ways", "what", "which", "whole", "won", "word", "words",
}  # fmt: skip


class Offence(NamedTuple):
    """A place that breaks a rule."""

    rule: str
    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        """Format the offence as a compiler formats an error."""
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.rule}: {self.text}"


class Figures(NamedTuple):
    """Counts over a set of files; shares are these divided."""

    lines: int
    clauses: int
    local_names: int
    functions: int
    docstrings: int
    offences: tuple[Offence, ...]

    def count(self, rule: str) -> int:
        """Return how many places break `rule`."""
        return sum(offence.rule == rule for offence in self.offences)


def sources(paths: Iterable[str] = PACKAGES) -> list[Path]:
    """List the Python files below `paths`, which are relative to the repository."""
    found: list[Path] = []
    for path in paths:
        whole = ROOT / path
        found += [whole] if whole.is_file() else sorted(whole.rglob("*.py"))
    return found


def measure(files: Iterable[Path], used_in: Iterable[Path] | None = None) -> Figures:
    """Measure `files`; helpers count as called wherever `used_in` (default: the same files) names them."""
    paths = list(files)
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}
    offences: list[Offence] = []
    clauses = local_names = functions = docstrings = lines = 0
    for path, tree in trees.items():
        text = path.read_text(encoding="utf-8")
        lines += text.count("\n")
        for line, prose in _prose(tree, text):
            clauses += _clauses(prose)
            offences += [Offence("clause", path, line, m.group()) for m in VAGUE_CLAUSE.finditer(prose)]
            offences += [Offence("metaphor", path, line, m.group()) for m in METAPHOR.finditer(prose)]
        for node, docstring in _docstrings(tree):
            docstrings += 1
            if VAGUE_VERBS.match(docstring.strip()):
                offences.append(Offence("docstring", path, node, docstring.strip().split("\n")[0]))
        for line, name in _local_names(tree):
            local_names += 1
            if name.strip("_") in VAGUE_NAMES:
                offences.append(Offence("name", path, line, name))
        functions += sum(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in tree.body)
    offences += _called_once(trees, list(used_in) if used_in is not None else paths)
    offences += _classes_defined_twice(trees)
    return Figures(lines, clauses, local_names, functions, docstrings, tuple(offences))


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield (node.body[0].lineno, docstring)


def _prose(tree: ast.Module, text: str) -> Iterator[tuple[int, str]]:
    """Yield docstrings, texts below attributes, comments, and the texts of errors and messages, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
            yield (node.lineno, node.value)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield (token.start[0], token.string)


def _clauses(prose: str) -> int:
    return max(1, sum(bool(piece.strip()) for piece in SENTENCE_END.split(prose)))


def _local_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield each name that a function binds, parameters included, once a function."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        names: dict[str, int] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.arg):
                names.setdefault(node.arg, node.lineno)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.setdefault(node.id, node.lineno)
        yield from ((line, name) for name, line in names.items() if name not in ("self", "cls"))


def _called_once(trees: dict[Path, ast.Module], used_in: list[Path]) -> Iterator[Offence]:
    """Yield the private functions of modules that are named in one place only, outside themselves."""
    for path, tree in trees.items():
        functions = {
            node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        uses: Counter[str] = Counter()
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in functions:
                function = functions[node.id]
                if not function.lineno <= node.lineno <= (function.end_lineno or 0):
                    uses[node.id] += 1
        for name, function in functions.items():
            if name.startswith("_") and not name.startswith("__") and uses[name] == 1:
                yield Offence("called once", path, function.lineno, name)


def _classes_defined_twice(trees: dict[Path, ast.Module]) -> Iterator[Offence]:
    places: defaultdict[str, list[tuple[Path, int]]] = defaultdict(list)
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append((path, node.lineno))
    for name, defined in places.items():
        if len(defined) > 1:
            yield from (Offence("class", path, line, name) for path, line in defined)


RULES = ("docstring", "clause", "name", "called once", "class", "metaphor")


def row(figures: Figures) -> list[str]:
    """Format the figures in the order of `HEADER`."""
    return [
        f"{figures.lines:,}".replace(",", " "),
        str(figures.count("docstring")),
        f"{1000 * figures.count('clause') / max(1, figures.clauses):.0f}",
        f"{100 * figures.count('name') / max(1, figures.local_names):.1f} %",
        f"{100 * figures.count('called once') / max(1, figures.functions):.0f} %",
        str(len({offence.text for offence in figures.offences if offence.rule == "class"})),
        str(figures.count("metaphor")),
    ]


HEADER = [
    "", "lines", "docstrings “Give …”", "what/who per 1 000 clauses", "vague names", "called once", "classes twice",
    "metaphors",
]  # fmt: skip


def main() -> None:
    """Print the figures, a line a package and one for all of them."""
    from tabulate import tabulate

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("paths", nargs="*", default=[])
    parser.add_argument("--offenders", action="store_true", help="list each place that breaks a rule")
    arguments = parser.parse_args()
    paths = arguments.paths or [
        *sorted(
            str(folder.relative_to(ROOT))
            for folder in (ROOT / "benchbed").iterdir()
            if folder.is_dir() and any(folder.glob("*.py"))
        ),
        *PACKAGES,
    ]
    rows = [[path, *row(measure(sources([path])))] for path in paths]
    figures = measure(sources(arguments.paths or PACKAGES))
    print(tabulate([*rows, ["all", *row(figures)]], headers=HEADER, disable_numparse=True))
    if arguments.offenders:
        for offence in sorted(figures.offences, key=lambda offence: (RULES.index(offence.rule), offence[1:])):
            print(offence)


if __name__ == "__main__":
    main()
