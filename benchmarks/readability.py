"""Measures of how the packages read: docstrings, clauses, local names, helpers called once, class names, lines.

`python benchmarks/readability.py` prints the figures of every package; `--offenders` also lists each place, and paths
restrict both. CONTRIBUTING.md states the rules; `tests/test_readability.py` enforces the limits.
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
RULES = ("docstring", "clause", "name", "called once", "class", "metaphor")


class Offence(NamedTuple):
    """A place that breaks a rule."""

    rule: str
    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        """Format the offence as a compiler formats an error."""
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


class Figures(NamedTuple):
    """Counts over a set of files."""

    lines: int
    clauses: int
    local_names: int
    functions: int
    offences: tuple[Offence, ...]

    def places(self, rule: str) -> list[str]:
        """List the places that break `rule`."""
        return [str(offence) for offence in self.offences if offence.rule == rule]

    @property
    def vague_clauses_per_thousand(self) -> float:
        """What/who clauses per 1 000 clauses."""
        return 1000 * len(self.places("clause")) / max(1, self.clauses)

    @property
    def vague_names_percent(self) -> float:
        """Percentage of the local names that are vague."""
        return 100 * len(self.places("name")) / max(1, self.local_names)

    @property
    def called_once_percent(self) -> float:
        """Percentage of the module functions that are private and called once."""
        return 100 * len(self.places("called once")) / max(1, self.functions)


def sources(paths: Iterable[str] = PACKAGES) -> list[Path]:
    """List the Python files below `paths`, which are relative to the repository."""
    files: list[Path] = []
    for path in paths:
        target = ROOT / path
        files += [target] if target.is_file() else sorted(target.rglob("*.py"))
    return files


def measure(files: Iterable[Path]) -> Figures:
    """Measure `files` together: a class name is compared with those of all of them."""
    trees: dict[Path, ast.Module] = {}
    offences: list[Offence] = []
    clauses = local_names = functions = lines = 0
    for path in files:
        text = path.read_text(encoding="utf-8")
        trees[path] = tree = ast.parse(text)
        lines += text.count("\n")
        for line, prose in _prose(tree, text):
            clauses += max(1, sum(bool(clause.strip()) for clause in SENTENCE_END.split(prose)))
            offences += [Offence("clause", path, line, m.group()) for m in VAGUE_CLAUSE.finditer(prose)]
            offences += [Offence("metaphor", path, line, m.group()) for m in METAPHOR.finditer(prose)]
        for line, docstring in _docstrings(tree):
            if VAGUE_VERBS.match(docstring):
                offences.append(Offence("docstring", path, line, docstring.split("\n")[0]))
        for line, name in _local_names(tree):
            local_names += 1
            if name.strip("_") in VAGUE_NAMES:
                offences.append(Offence("name", path, line, name))
        functions += sum(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in tree.body)
        offences += _called_once(tree, path)
    offences += _classes_defined_twice(trees)
    return Figures(lines, clauses, local_names, functions, tuple(offences))


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield node.body[0].lineno, docstring.strip()


def _prose(tree: ast.Module, text: str) -> Iterator[tuple[int, str]]:
    """Yield docstrings, texts below attributes, comments, and the texts of errors and messages, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


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


def _called_once(tree: ast.Module, path: Path) -> Iterator[Offence]:
    """Yield the private functions of a module that it names once outside themselves."""
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
    definitions: defaultdict[str, list[tuple[Path, int]]] = defaultdict(list)
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                definitions[node.name].append((path, node.lineno))
    for name, lines in definitions.items():
        if len(lines) > 1:
            yield from (Offence("class", path, line, name) for path, line in lines)


HEADER = [
    "", "lines", "docstrings “Give …”", "what/who per 1 000 clauses", "vague names", "called once", "classes twice",
    "metaphors",
]  # fmt: skip


def row(figures: Figures) -> list[str]:
    """Format the figures in the order of `HEADER`."""
    return [
        f"{figures.lines:,}".replace(",", " "),
        str(len(figures.places("docstring"))),
        f"{figures.vague_clauses_per_thousand:.0f}",
        f"{figures.vague_names_percent:.1f} %",
        f"{figures.called_once_percent:.0f} %",
        str(len({offence.text for offence in figures.offences if offence.rule == "class"})),
        str(len(figures.places("metaphor"))),
    ]


def main() -> None:
    """Print a table with one row a package and one for all of them."""
    from tabulate import tabulate

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("paths", nargs="*", default=[])
    parser.add_argument("--offenders", action="store_true", help="list each place that breaks a rule")
    arguments = parser.parse_args()
    packages = sorted(file.parent.relative_to(ROOT) for file in (ROOT / "benchbed").glob("*/__init__.py"))
    paths = arguments.paths or [*map(str, packages), *PACKAGES]
    rows = [[path, *row(measure(sources([path])))] for path in paths]
    figures = measure(sources(arguments.paths or PACKAGES))
    print(tabulate([*rows, ["all", *row(figures)]], headers=HEADER, disable_numparse=True))
    if arguments.offenders:
        for offence in sorted(figures.offences, key=lambda offence: (RULES.index(offence.rule), offence[1:])):
            print(offence._replace(path=offence.path.relative_to(ROOT)))


if __name__ == "__main__":
    main()
