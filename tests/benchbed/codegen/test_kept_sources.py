"""`BENCHBED_KEEP_SOURCES` keeps each generated source and its graph."""

import pytest
import torch

from benchbed.codegen import compiler, kept_sources
from benchbed.codegen.compiled_step import CompiledStep
from benchbed.codegen.lanewise import codegen as lanewise
from benchbed.codegen.tensorwise import codegen as tensorwise
from benchbed.codegen.trace import TracedStep, trace_function

pytestmark = pytest.mark.slow

THETA = torch.ones(1, 1, 3, dtype=torch.float64)
TRACED = TracedStep(trace_function(lambda x: [0.75 * x], THETA), ["lane"], [THETA])


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Set the variable to a folder that does not exist yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCHBED_KEEP_SOURCES", str(tmp_path / "sources" / "of this run"))
    return tmp_path / "sources" / "of this run"


def test_source_and_graph_are_kept(folder):
    """Under the name of the step, the form, and a hash of the source."""
    compiled = CompiledStep(TRACED, lanewise.generate(TRACED, "lanes", 8))
    source, graph = sorted(folder.iterdir())
    assert source.stem == graph.stem
    assert source.match("step-lanewise-????????????.cpp")
    assert source.read_text(encoding="utf-8") == compiled.source.text
    assert graph.read_text(encoding="utf-8") == (
        "input0: float64[1, 1, 3] = lane\n"
        "mul: float64[1, 1, 3] = aten.mul.Tensor(input0, 0.75)\n"
        "return [mul]\n"
    )


def test_names_tell_forms_and_steps(folder):
    """An objective beside the two forms of a step."""
    CompiledStep(TRACED, lanewise.generate(TRACED, "lanes", 8))
    for traced in (TRACED, TRACED._replace(name="objective")):
        CompiledStep(traced, tensorwise.generate(traced, 8))
    prefixes = {path.name.rpartition("-")[0] for path in folder.iterdir()}
    assert prefixes == {"step-lanewise", "step-tensorwise", "objective-tensorwise"}


def test_source_of_a_cached_library_is_kept(folder, monkeypatch):
    """Although the compiler is not called."""
    CompiledStep(TRACED, lanewise.generate(TRACED, "lanes", 8))
    for path in folder.iterdir():
        path.unlink()
    monkeypatch.setattr(compiler, "_compile", None)
    CompiledStep(TRACED, lanewise.generate(TRACED, "lanes", 8))
    assert {path.suffix for path in folder.iterdir()} == {".cpp", ".txt"}


def test_nothing_is_kept_without_the_variable(folder, monkeypatch):
    """Unset or empty."""
    for value in (None, ""):
        if value is None:
            monkeypatch.delenv(kept_sources.VARIABLE)
        else:
            monkeypatch.setenv(kept_sources.VARIABLE, value)
        CompiledStep(TRACED, lanewise.generate(TRACED, "lanes", 8))
    assert not folder.exists()


def test_folder_that_cannot_be_written_warns(folder):
    """The step still runs."""
    folder.parent.write_text("a file")
    with pytest.warns(UserWarning, match="BENCHBED_KEEP_SOURCES: generated source not kept"):
        compiled = CompiledStep(TRACED, lanewise.generate(TRACED, "lanes", 8))
    assert compiled.run([1], 1, 1, [THETA])[0][0].tolist() == [[[0.75] * 3]]
