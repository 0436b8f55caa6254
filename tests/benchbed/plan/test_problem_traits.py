"""Tests of the properties that are read from one or two instances of a problem."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch

from benchbed.interfaces import Layout, Problem
from benchbed.plan.problem_traits import traits_of


class Points(NamedTuple):
    """Data as a tree with an empty field."""

    x: torch.Tensor
    weights: torch.Tensor | None = None


@dataclass(frozen=True)
class Bowl(Problem):
    """θ², with a start and data that do not depend on the seed."""

    @property
    def layout(self):
        return Layout({"theta": (2,)})

    def make_start(self, generator):
        return torch.ones(2, dtype=torch.float64)

    def objective(self, theta, data):
        return theta.square().sum(-1)


class FixedData(Bowl):
    def make_data(self, generator):
        return Points(torch.arange(3.0))


class SharedData(Bowl):
    def shared_data(self):
        return Points(torch.arange(3.0))

    def make_data(self, generator):
        raise AssertionError("a problem with shared data has no data of instances")


class DrawnStart(Bowl):
    def make_start(self, generator):
        return torch.randn(2, generator=generator, dtype=torch.float64)


class StartOfAModule(Bowl):
    def make_start(self, generator):
        return torch.nn.Linear(2, 1, bias=False).weight.detach().flatten().double()


class StartOfNumpy(Bowl):
    def make_start(self, generator):
        return torch.from_numpy(np.random.default_rng(generator.initial_seed()).normal(size=2))


class RareStart(Bowl):
    """One of a thousand instances has another start, so that two seeds agree by chance."""

    def make_start(self, generator):
        number = torch.randint(1000, (1,), generator=generator)
        return torch.full((2,), 2.0 if number == 500 else 1.0, dtype=torch.float64)


class RareStartOfAModule(RareStart):
    """The same with the global generator."""

    def make_start(self, generator):
        return super().make_start(torch.default_generator)


class DrawnData(Bowl):
    def make_data(self, generator):
        return Points(torch.randn(3, generator=generator))


class DataOfNumpy(Bowl):
    def make_data(self, generator):
        return Points(torch.from_numpy(np.random.default_rng(generator.initial_seed()).normal(size=3)))


class DataOfAnotherShape(Bowl):
    def make_data(self, generator):
        return Points(torch.zeros(3), torch.zeros(3) if generator.initial_seed() else None)


class MoreData(Bowl):
    def make_data(self, generator):
        return (torch.zeros(3),) * (1 + generator.initial_seed())


class BrokenStart(Bowl):
    def make_start(self, generator):
        raise RuntimeError("this problem has no start")


@pytest.mark.parametrize("problem", [Bowl, FixedData, SharedData])
def test_an_instance_without_draws_is_seedless(problem):
    """Neither its start nor its data uses a generator."""
    assert traits_of(problem()).seedless


@pytest.mark.parametrize(
    "problem",
    [
        DrawnStart,
        StartOfAModule,
        StartOfNumpy,
        RareStart,
        RareStartOfAModule,
        DrawnData,
        DataOfNumpy,
        DataOfAnotherShape,
        MoreData,
    ],
)
def test_an_instance_that_depends_on_its_seed_is_not_seedless(problem):
    """With any generator, and also if two seeds agree by chance."""
    assert not traits_of(problem()).seedless


def test_a_start_that_raises_is_not_an_error_of_the_plan():
    """The trials raise and record it."""
    assert not traits_of(BrokenStart()).seedless


def test_the_optimum_is_read_from_an_instance():
    """It may be known or unknown."""

    class Known(FixedData):
        def optimum(self, data):
            return torch.zeros_like(data.x[..., 0])

    assert traits_of(Known()).has_optimum
    assert not traits_of(FixedData()).has_optimum


def test_data_is_built_once_unless_it_uses_no_generator():
    """Random data, which may be large, is not built a second time."""
    seeds = []

    class Counted(Bowl):
        def make_data(self, generator):
            seeds.append(generator.initial_seed())
            return torch.randn(3, generator=generator)

    class CountedFixed(Bowl):
        def make_data(self, generator):
            seeds.append(generator.initial_seed())
            return torch.zeros(3)

    traits_of(Counted())
    assert seeds == [0]
    traits_of(CountedFixed())
    assert seeds == [0, 0, 1]


def test_the_state_of_the_global_generator_is_restored():
    """Planning does not change random numbers of the caller."""
    before = torch.get_rng_state()
    traits_of(StartOfAModule())
    assert torch.equal(torch.get_rng_state(), before)


def test_output_of_a_problem_goes_to_stderr(capsys):
    """stdout is for the output of commands."""

    class Loud(Bowl):
        def make_start(self, generator):
            print("downloading")  # noqa: T201 (the output that must not reach stdout)
            return super().make_start(generator)

    traits_of(Loud())
    assert capsys.readouterr() == ("", "downloading\n" * 2)
