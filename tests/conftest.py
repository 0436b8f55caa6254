"""Keep tests apart from each other and from the machine they run on."""

import pytest
import torch


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """Run each test in an empty folder, with one torch thread; fail one that leaves global state changed."""
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    random_state = torch.get_rng_state()
    yield
    assert torch.get_default_dtype() == torch.float32, "the test left the default dtype changed"
    assert torch.get_num_threads() == 1, "the test left the number of threads changed"
    assert torch.is_grad_enabled(), "the test left gradients switched off"
    torch.set_rng_state(random_state)
