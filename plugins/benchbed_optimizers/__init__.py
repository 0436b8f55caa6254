"""The built-in optimizers, one file each, registered as third-party plugins register theirs."""

from collections.abc import Callable

from benchbed.hookspecs import Register, hookimpl
from benchbed.interfaces import OptimizerFactory, Wrapper
from benchbed_optimizers.adabelief import adabelief
from benchbed_optimizers.adafactor import adafactor
from benchbed_optimizers.adagrad import adagrad
from benchbed_optimizers.adam import adam
from benchbed_optimizers.adamw import adamw
from benchbed_optimizers.adan import adan
from benchbed_optimizers.ademamix import ademamix
from benchbed_optimizers.adopt import adopt
from benchbed_optimizers.amsgrad import amsgrad
from benchbed_optimizers.barzilai_borwein import barzilai_borwein
from benchbed_optimizers.gd import gd
from benchbed_optimizers.lamb import lamb
from benchbed_optimizers.laprop import laprop
from benchbed_optimizers.lars import lars
from benchbed_optimizers.lbfgs import lbfgs
from benchbed_optimizers.lion import lion
from benchbed_optimizers.mars import mars
from benchbed_optimizers.momentum import momentum
from benchbed_optimizers.muon import muon
from benchbed_optimizers.nadam import nadam
from benchbed_optimizers.nesterov import nesterov
from benchbed_optimizers.polyak import polyak
from benchbed_optimizers.prodigy import prodigy
from benchbed_optimizers.radam import radam
from benchbed_optimizers.rmsprop import rmsprop
from benchbed_optimizers.rprop import rprop
from benchbed_optimizers.schedule_free_adamw import schedule_free_adamw
from benchbed_optimizers.schedule_free_sgd import schedule_free_sgd
from benchbed_optimizers.sgd import sgd
from benchbed_optimizers.shampoo import shampoo
from benchbed_optimizers.signsgd import signsgd
from benchbed_optimizers.signum import signum
from benchbed_optimizers.soap import soap
from benchbed_optimizers.wrappers.accumulation import accumulate
from benchbed_optimizers.wrappers.averaging import ema, lookahead
from benchbed_optimizers.wrappers.cautious import cautious
from benchbed_optimizers.wrappers.clipping import clip, clip_value
from benchbed_optimizers.wrappers.decay import decay
from benchbed_optimizers.wrappers.delay import delayed
from benchbed_optimizers.wrappers.schedules import constant, cosine, inverse_sqrt, linear, scheduled, wsd
from benchbed_optimizers.wrappers.sharpness import sam

FIRST_ORDER = (gd, sgd, momentum, nesterov, lars, polyak)
ADAPTIVE = (
    rmsprop,
    adam,
    adamw,
    adagrad,
    amsgrad,
    nadam,
    radam,
    adabelief,
    adopt,
    adan,
    ademamix,
    laprop,
    mars,
    prodigy,
    lamb,
    adafactor,
)
SIGN = (signsgd, signum, lion, rprop)
AVERAGING = (schedule_free_sgd, schedule_free_adamw)
MATRIX = (muon, shampoo, soap)
QUASI_NEWTON = (barzilai_borwein, lbfgs)
FAMILIES: dict[str, tuple[OptimizerFactory, ...]] = {
    "first-order": FIRST_ORDER,
    "adaptive": ADAPTIVE,
    "sign": SIGN,
    "averaging": AVERAGING,
    "matrix": MATRIX,
    "quasi-newton": QUASI_NEWTON,
}
"""Families in the order in which `benchbed list optimizers` prints them; in each, those of the course come first."""

SCHEDULES = (constant, linear, cosine, wsd, inverse_sqrt, scheduled)
WRAPPERS = (*SCHEDULES, clip, clip_value, decay, ema, lookahead, sam, cautious, accumulate, delayed)


@hookimpl
def register_optimizers(register: Register[OptimizerFactory]) -> None:
    """Register the optimizers with their families."""
    for family, factories in FAMILIES.items():
        for factory in factories:
            register(factory, family=family)


@hookimpl
def register_wrappers(register: Callable[[Wrapper], None]) -> None:
    """Register schedules, and then the wrappers of gradients, steps and iterates."""
    for wrapper in WRAPPERS:
        register(wrapper)
