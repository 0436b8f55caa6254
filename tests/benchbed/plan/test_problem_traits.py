"""What a plan learns of a problem by making an instance or two of it."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch

from benchbed.interfaces import Layout, Problem
from benchbed.plan.problem_traits import traits_of


class Points(NamedTuple):
    """Data as a tree, with a part that is not there."""

    x: torch.Tensor
    weights: torch.Tensor | None = None


@dataclass(frozen=True)
class Bowl(Problem):
    """θ² from a start and with data that do not depend on the seed."""

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
        raise AssertionError("nobody asks for data of an instance where all share theirs")


class DrawnStart(Bowl):
    def make_start(self, generator):
        return torch.randn(2, generator=generator, dtype=torch.float64)


class StartOfAModule(Bowl):
    def make_start(self, generator):
        return torch.nn.Linear(2, 1, bias=False).weight.detach().flatten().double()


class StartOfNumpy(Bowl):
    def make_start(self, generator):
        return torch.from_numpy(np.random.default_rng(generator.initial_seed()).normal(size=2))


class StartOfALottery(Bowl):
    """One of a thousand instances starts elsewhere: two seeds agree, and that says nothing."""

    def make_start(self, generator):
        drawn = torch.randint(1000, (1,), generator=generator)
        return torch.full((2,), 2.0 if drawn == 500 else 1.0, dtype=torch.float64)


class LotteryOfAModule(StartOfALottery):
    """The same, drawn from the global generator."""

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
        raise RuntimeError("this problem cannot begin")


@pytest.mark.parametrize("problem", [Bowl, FixedData, SharedData])
def test_an_instance_without_draws_is_seedless(problem):
    """Neither its start nor its data asks a generator for anything."""
    assert traits_of(problem()).seedless


@pytest.mark.parametrize(
    "problem",
    [
        DrawnStart,
        StartOfAModule,
        StartOfNumpy,
        StartOfALottery,
        LotteryOfAModule,
        DrawnData,
        DataOfNumpy,
        DataOfAnotherShape,
        MoreData,
    ],
)
def test_an_instance_that_depends_on_its_seed_is_not(problem):
    """Whichever generator it draws from, and also where two seeds happen to agree."""
    assert not traits_of(problem()).seedless


def test_a_start_that_cannot_be_made_is_left_to_the_trials():
    """They raise it again, and their rows keep it."""
    assert not traits_of(BrokenStart()).seedless


def test_the_optimum_is_asked_of_an_instance():
    """Known or not, for shared data and for an instance's own."""

    class Known(FixedData):
        def optimum(self, data):
            return torch.zeros_like(data.x[..., 0])

    assert traits_of(Known()).has_optimum
    assert not traits_of(FixedData()).has_optimum


def test_data_is_made_once_unless_it_draws_nothing():
    """A big data set that is drawn for every instance must not be made a second time to learn that it is."""
    made = []

    class Counted(Bowl):
        def make_data(self, generator):
            made.append(generator.initial_seed())
            return torch.randn(3, generator=generator)

    class CountedFixed(Bowl):
        def make_data(self, generator):
            made.append(generator.initial_seed())
            return torch.zeros(3)

    traits_of(Counted())
    assert made == [0]
    traits_of(CountedFixed())
    assert made == [0, 0, 1]


def test_the_global_generator_is_left_as_it_was():
    """A plan draws nothing that a later program would miss."""
    before = torch.get_rng_state()
    traits_of(StartOfAModule())
    assert torch.equal(torch.get_rng_state(), before)


def test_what_a_problem_prints_is_kept_off_stdout(capsys):
    """Stdout carries the product."""

    class Loud(Bowl):
        def make_start(self, generator):
            print("downloading")  # noqa: T201 (this is what must not reach stdout)
            return super().make_start(generator)

    traits_of(Loud())
    assert capsys.readouterr() == ("", "downloading\n" * 2)
