"""A compiled step runs any number of lanes and steps, on any number of threads."""

import time
from types import SimpleNamespace

import pytest
import torch

from benchbed.codegen import compiled_step
from benchbed.codegen.compiled_step import CompiledStep
from benchbed.codegen.denormals import flushes_denormals
from benchbed.codegen.lanewise import codegen as lanewise
from benchbed.codegen.tensorwise import codegen as tensorwise
from benchbed.codegen.trace import TracedStep, trace_function

pytestmark = pytest.mark.slow

WIDTH = compiled_step.vector_width(torch.float64)
FORMS = {
    "lanewise, lanes": lambda traced: lanewise.generate(traced, "lanes", WIDTH),
    "lanewise, settings": lambda traced: lanewise.generate(traced, "settings", WIDTH),
    "tensorwise": lambda traced: tensorwise.generate(traced, WIDTH),
}


@pytest.fixture(params=FORMS.values(), ids=FORMS)
def momentum(request):
    """Compile x ← x + v, v ← rate · v + draw + data, which reads every kind of input, in each form."""

    def step(lane, progress, draw, rate, data, offset):
        x, v, _constant = lane
        return [x + v, rate * v + draw + data + progress * offset, _constant]

    lane = [torch.ones(1, 1, 2, dtype=torch.float64) for _ in range(3)]
    x = lane[0]
    arguments = [x[0, 0, 0], x[:, 0], x[:, 0, :1], x[:, 0].clone(), x[0, 0]]
    kinds = [*["lane"] * 3, "step", "step_seed", "setting", "seed", "shared"]
    traced = TracedStep(trace_function(step, lane, *arguments), kinds, [*lane, *arguments])
    return CompiledStep(traced, request.param(traced))


def draw_inputs(seeds, settings, steps):
    """Draw inputs of every kind for `[seeds, settings]` lanes and some steps."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    lane = [normal(seeds, settings, 2) for _ in range(3)]
    return [*lane, normal(steps), normal(steps, seeds, 2), normal(settings, 1), normal(seeds, 2), normal(2)]


def expected_lanes(inputs, steps):
    """Compute the same steps with torch."""
    x, v, constant, progress, draws, rate, data, offset = inputs
    for step in range(steps):
        x, v = x + v, rate * v + draws[step][:, None] + data[:, None] + progress[step] * offset
    return [x, v, constant]


@pytest.mark.parametrize(("seeds", "settings"), [(1, 1), (3, 1), (1, 5), (2, 8), (5, 7), (13, 3), (2, 33)])
def test_all_lanes_match_torch_at_each_stop(momentum, seeds, settings):
    """For full and incomplete groups of lanes; one compiled function serves all sizes, and inputs stay unchanged."""
    inputs = draw_inputs(seeds, settings, 20)
    before = [tensor.clone() for tensor in inputs]
    momentum.check(inputs)
    for stop, result in zip((1, 2, 20), momentum.run([1, 2, 20], seeds, settings, inputs), strict=True):
        torch.testing.assert_close(result, expected_lanes(inputs, stop), rtol=1e-12, atol=1e-12)
        assert result[2] is inputs[2]
    assert all(torch.equal(tensor, copy) for tensor, copy in zip(inputs, before, strict=True))


def test_inputs_may_have_any_strides(momentum):
    """They are made contiguous first."""
    inputs = draw_inputs(3, 5, 4)
    strided = [tensor.mT.contiguous().mT if tensor.dim() > 1 else tensor for tensor in inputs]
    (expected,), (result,) = (momentum.run([4], 3, 5, each) for each in (inputs, strided))
    assert all(torch.equal(first, second) for first, second in zip(result, expected, strict=True))


def test_threads_change_no_bit(momentum, monkeypatch):
    """Each thread has a range of groups of its own."""
    inputs, ranges = draw_inputs(5, 9, 4), []
    call = CompiledStep._call
    monkeypatch.setattr(
        CompiledStep, "_call", lambda self, *task: ranges.append(task[4:6]) or call(self, *task)
    )
    (expected,) = momentum.run([4], 5, 9, inputs, threads=1)
    assert len(ranges) == 1
    monkeypatch.setattr(compiled_step, "OPERATIONS_PER_THREAD", 1)
    (result,) = momentum.run([4], 5, 9, inputs, threads=3)
    assert len(ranges) == 1 + min(3, ranges[0][1])
    assert all(torch.equal(first, second) for first, second in zip(result, expected, strict=True))


def test_threads_flush_denormals_like_their_caller(momentum, monkeypatch):
    """The setting belongs to a thread, which keeps it between calls."""
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush denormals")
    monkeypatch.setattr(compiled_step, "OPERATIONS_PER_THREAD", 1)
    flushing, call = [], CompiledStep._call
    monkeypatch.setattr(
        CompiledStep, "_call", lambda self, *task: flushing.append(flushes_denormals()) or call(self, *task)
    )
    try:
        for flush in (True, False, True):
            torch.set_flush_denormal(flush)
            flushing.clear()
            momentum.run([4], 40, 9, draw_inputs(40, 9, 4), threads=3)
            assert flushing == [flush] * 3
    finally:
        torch.set_flush_denormal(False)


def test_error_in_one_thread_waits_for_the_others():
    """They write to tensors that would be freed."""
    finished = []

    class FailingStep(CompiledStep):
        def __init__(self):
            """Compile nothing."""
            self.source = SimpleNamespace(called_operations=())

        def _call(self, task):
            if task == 0:
                raise IndexError("an index is out of range")
            time.sleep(0.05)
            finished.append(task)

    with pytest.raises(IndexError, match="out of range"):
        FailingStep()._run_tasks([(0,), (1,), (2,)])
    assert sorted(finished) == [1, 2]
