"""The paths of clipping."""

import torch

from benchbed.catalog.wrapping import wrapped_factory
from benchbed_optimizers.adam import adam
from benchbed_optimizers.wrappers.clipping import clip, clip_value


def clipped(change):
    """Return a function that builds Adam whose gradients torch clips before each step."""

    def build(parameters, setting):
        optimizer = torch.optim.Adam(parameters, lr=setting["learning_rate"])

        def clip_gradients(*_):
            change(parameters, setting)

        optimizer.register_step_pre_hook(clip_gradients)
        return optimizer

    return build


def test_the_norm_is_clipped_as_by_torch(assert_same_path_as_torch):
    """`clip_grad_norm_`, at bounds that often apply and never."""
    settings = [{"learning_rate": 1e-3, "clip_norm": bound} for bound in (0.5, 2.0, 1e3)]
    make = clipped(
        lambda parameters, setting: torch.nn.utils.clip_grad_norm_(parameters, setting["clip_norm"])
    )
    assert_same_path_as_torch(wrapped_factory("clip", clip, adam), settings, make)


def test_coordinates_are_clipped_as_by_torch(assert_same_path_as_torch):
    """`clip_grad_value_`."""
    settings = [{"learning_rate": 1e-3, "clip_value_value": bound} for bound in (0.1, 1.0)]
    make = clipped(
        lambda parameters, setting: torch.nn.utils.clip_grad_value_(parameters, setting["clip_value_value"])
    )
    assert_same_path_as_torch(wrapped_factory("clip-value", clip_value, adam), settings, make)
