"""CUDA devices of a study, counted and chosen without any device."""

import pytest
import torch

from benchbed.runner import devices
from benchbed.runner.devices import BOUND, VISIBLE, DevicePool, binding_of, cuda_devices


@pytest.mark.parametrize(
    ("device", "expected"),
    [("cuda", ("cuda:0", "cuda:1", "cuda:2")), ("cuda:1", ("cuda:1",)), ("cpu", ())],
)
def test_a_plan_names_devices(monkeypatch, device, expected):
    """Without a number it names all."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert cuda_devices(device) == expected


@pytest.mark.parametrize(
    ("visible", "entry"),
    [(None, "1"), ("0,1,2", "1"), ("6, 4", "4"), ("GPU-1a,GPU-2b", "GPU-2b"), ("3,2,1", "2")],
)
def test_a_child_sees_one_device(monkeypatch, visible, entry):
    """Its entry is that of the user's variable, whose entries torch counts in the driver."""
    if visible is None:
        monkeypatch.delenv(VISIBLE, raising=False)
    else:
        monkeypatch.setenv(VISIBLE, visible)
    assert binding_of("cuda:1") == {VISIBLE: entry, BOUND: "cuda:1"}


def test_a_bound_process_has_its_device_as_number_0(monkeypatch):
    """Its rows name the device as the driver does."""
    monkeypatch.delenv(BOUND, raising=False)
    assert (devices.device_here("cuda:1"), devices.device_of_rows("cuda:1")) == ("cuda:1", "cuda:1")
    monkeypatch.setenv(BOUND, "cuda:1")
    assert (devices.device_here("cuda:1"), devices.device_of_rows("cuda:1")) == ("cuda", "cuda:1")
    assert (devices.device_here("cuda"), devices.device_of_rows("cuda")) == ("cuda", "cuda:1")
    assert (devices.device_here("cpu"), devices.device_of_rows("cpu")) == ("cpu", "cpu")


def test_tasks_go_round_the_devices():
    """One after the other, each device has its turn."""
    pool = DevicePool(["cuda:0", "cuda:1", "cuda:2"])
    used = []
    for _ in range(6):
        with pool.reserve() as device:
            used.append(device)
    assert used == ["cuda:0", "cuda:1", "cuda:2"] * 2


def test_a_task_goes_to_the_device_with_the_fewest():
    """A device that is still busy has no second task while another one has none."""
    pool = DevicePool(["cuda:0", "cuda:1"])
    with pool.reserve() as first:
        with pool.reserve() as second:
            pass
        with pool.reserve() as third, pool.reserve() as fourth:
            pass
    assert (first, second, third) == ("cuda:0", "cuda:1", "cuda:1")
    assert fourth == "cuda:0"  # both have one task then, and it has started fewer


def test_a_lost_device_is_not_used():
    """Its tasks end as they would, and without any device there is None."""
    pool = DevicePool(["cuda:0", "cuda:1"])
    with pool.reserve() as device:
        pool.lose(device, "it fell off the bus")
        with pool.reserve() as other, pool.reserve() as again:
            assert (device, other, again) == ("cuda:0", "cuda:1", "cuda:1")
            pool.lose(other, "so did this one")
            pool.lose(other, "a later reason")
            with pool.reserve() as none:
                assert none is None
    assert pool.lost == {"cuda:0": "it fell off the bus", "cuda:1": "so did this one"}


class _Cuda:
    """A CUDA device that has failed, or not."""

    def __init__(self, error):
        self.error, self.calls = error, []

    def synchronize(self):
        self.calls.append("synchronize")
        if self.error is not None:
            raise self.error

    def empty_cache(self):
        self.calls.append("empty_cache")


@pytest.mark.parametrize("error", [None, torch.AcceleratorError("CUDA error: device-side assert triggered")])
def test_the_end_of_a_task_waits_for_its_device(monkeypatch, error):
    """An error that a plugin has caught is raised there; memory is freed for other processes."""
    cuda = _Cuda(error)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "synchronize", cuda.synchronize)
    monkeypatch.setattr(torch.cuda, "empty_cache", cuda.empty_cache)
    if error is None:
        devices.finish_work()
        assert cuda.calls == ["synchronize", "empty_cache"]
    else:
        with pytest.raises(torch.AcceleratorError):
            devices.finish_work()


def test_a_process_without_cuda_waits_for_nothing(monkeypatch):
    """A study on the CPU must not start CUDA."""
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: pytest.fail("CUDA starts"))
    devices.finish_work()
