"""Imports are read from the source of a module, and found without running any code."""

import sys

import pytest

from benchbed.catalog.imports import (
    SourceModule,
    distribution_of,
    files_read_by,
    find_module,
    imported_modules,
    parents_of,
    versions_beside,
)


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Return a function that writes a file of a library on the import path, and returns its module."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(path, content=""):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        return SourceModule(name, file)

    return write


@pytest.mark.parametrize(
    "source",
    [
        "import bunch.inner as alias",
        "from bunch import inner",
        "from bunch.inner import value",
        "from . import inner",
        "from .inner import value",
        "def late():\n    from bunch import inner",
        "try:\n    import bunch.inner as inner\nexcept ImportError:\n    pass",
        "import importlib\nimportlib.import_module('bunch.inner')",
        "from importlib import import_module\nimport_module('.inner', __package__)",
        "__import__('bunch.inner')",
    ],
)
def test_imports_of_a_module_are_found(source, library):
    """Wherever they stand, in any form whose name is in the source; the package itself is not one."""
    library("bunch/__init__.py", "raise AssertionError('imported')")
    library("bunch/inner.py")
    outer = library("bunch/outer.py", source)
    assert [module.name for module in imported_modules(outer) if not module.is_standard] == ["bunch.inner"]
    assert "bunch" not in sys.modules


@pytest.mark.parametrize("source", ["import bunch", "from bunch import value", "from bunch import *"])
def test_names_of_a_package_come_from_its_first_file(source, library):
    """They may come from any of its modules."""
    package = library("bunch/__init__.py", "from bunch.inner import value")
    outer = library("outer.py", source)
    assert list(imported_modules(outer)) == [package]


def test_an_import_without_alias_binds_the_package_as_well(library):
    """Its other names may be used then."""
    library("bunch/__init__.py")
    library("bunch/inner.py")
    outer = library("outer.py", "import bunch.inner")
    assert [module.name for module in imported_modules(outer)] == ["bunch", "bunch.inner"]


@pytest.mark.parametrize(
    "source", ["import missing", "from .. import missing", "from ....beyond import missing", "def broken(:"]
)
def test_imports_that_cannot_be_found_are_left_out(source, library):
    """An optional dependency is missing, or the module itself cannot be imported."""
    assert list(imported_modules(library("outer.py", source))) == []


def test_modules_of_namespace_packages_are_found(library):
    """They have no first file, and may lie in several folders."""
    module = library("space/inner.py")
    assert find_module("space.inner") == module
    assert find_module("space") is None
    assert list(parents_of(module)) == []


def test_parents_are_the_packages_around_a_module(library):
    """Python runs their files before that of the module."""
    package = library("bunch/__init__.py")
    assert list(parents_of(library("bunch/inner.py"))) == [package]


def test_a_file_belongs_to_the_distribution_that_recorded_it(library):
    """Another file of the same package may belong to another distribution, or to none."""
    first, second = library("space/first.py"), library("space/second.py")
    library("one-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: one\nVersion: 1.0\n")
    library("one-1.0.dist-info/RECORD", "space/first.py,sha256=abc,0\none-1.0.dist-info/METADATA,,\n")
    assert distribution_of(first).name == "one"
    assert distribution_of(second) is None


def test_distributions_without_a_record_are_found_by_name(library):
    """As in a source tree; their files may change, so that they do not own them."""
    module = library("my_tools/__init__.py")
    library("My.Tools-3.dist-info/METADATA", "Metadata-Version: 2.1\nName: My.Tools\nVersion: 3\n")
    assert distribution_of(module) is None
    assert versions_beside(module) == {"My.Tools": "3"}


@pytest.mark.parametrize(
    "source",
    [
        '(Path(__file__).parent / "data" / "table.csv").read_text()',
        'open("data/table.csv")',
        'PATH = Path(__file__).parent / "data/table.csv"\nnumpy.loadtxt(PATH, delimiter=",")',
        'pandas.read_csv(os.path.join(os.path.dirname(__file__), "data", "table.csv"))',
    ],
)
def test_files_that_a_module_reads_are_found(source, library):
    """Their names are string literals; a file that it writes is not one of them."""
    table = library("data/table.csv").file
    library("log.txt")
    module = library("mine.py", f'{source}\nopen("log.txt", "w").write("x")\nPath("log.txt").write_text("y")')
    assert list(files_read_by(module)) == [table.resolve()]
