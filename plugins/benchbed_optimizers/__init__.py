"""The built-in optimizers, one file each, registered as third-party plugins register theirs."""

from collections.abc import Callable

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import OptimizerFactory
from benchbed_optimizers.adam import adam
from benchbed_optimizers.adamw import adamw
from benchbed_optimizers.gd import gd
from benchbed_optimizers.momentum import momentum
from benchbed_optimizers.nesterov import nesterov
from benchbed_optimizers.rmsprop import rmsprop
from benchbed_optimizers.sgd import sgd


@hookimpl
def register_optimizers(register: Callable[[OptimizerFactory], None]) -> None:
    """Register the seven optimizers in the order of the course."""
    for factory in (gd, sgd, momentum, nesterov, rmsprop, adam, adamw):
        register(factory)
