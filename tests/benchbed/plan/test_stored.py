"""A plan that was read from a file is checked before it is used."""

import msgspec
import pytest

from benchbed.plan.stored import plan_faults

HOSTILE = {
    "name": ["../../x", "", "\x1b[31m", "x" * 300],
    "preset": ["huge", "../x"],
    "device": ["cuda:99999999999999999999", "cpu; rm"],
    "gradient": ["../x", "Reverse"],
    "tracks": [[], ["tuned", "tuned"]],
    "evaluation_seeds": [0, -1, 10**12],
    "rates": [[0.0], [-1.0], [0.1] * 20_000],
    "extensions": [-1, 10**9],
    "refinements": [-1, 10**9],
    "tolerance": [-1.0],
    "problems": [[]],
    "entrants": [[]],
}
HOSTILE_PROBLEM = {
    "name": ["../../x", "con", "Quadratic", "quartic"],
    "label": ["../../x", "quadratic[", "quadratic[start=2]", "<script>", "quadratic\x1b[31m"],
    "budget": [0, -5, 2**60],
    "dimension": [0, 2**60],
    "targets": [[]],
    "dtype": ["float16"],
}
HOSTILE_ENTRANT = {
    "name": ["../../x", "nul", "quadratic"],
    "label": ["=cmd()", "adam[lr=2]", "adam[learning_rate=2]", "torch:adam"],
    "statics": [["absent"]],
}


@pytest.mark.parametrize(
    ("options", "optimizers"),
    [
        ({}, ("adam", "adam[learning_rate=[0.1, 0.01]]", "torch.optim:NAdam[learning_rate=1e-5]")),
        (
            {"problems": ("quadratic[condition_number=1000]", "polynomial-network"), "tracks": ("searched",)},
            ("gd",),
        ),
        ({"preset": "full", "tolerance": 1e-6, "checkpoints": "all", "seeds": 1}, ("sgd", "momentum")),
    ],
)
def test_a_plan_that_was_made_has_no_fault(plan_of, options, optimizers):
    """It returns from JSON without one."""
    plan = plan_of(optimizers=optimizers, **options)
    assert list(plan_faults(msgspec.json.decode(msgspec.json.encode(plan), type=type(plan)))) == []


@pytest.mark.parametrize("place", ["plan", "problem", "entrant"])
def test_every_impossible_value_is_a_fault(plan_of, place):
    """Names, labels and numbers; the description is one printable line."""
    plan = plan_of()
    values = {"plan": HOSTILE, "problem": HOSTILE_PROBLEM, "entrant": HOSTILE_ENTRANT}[place]
    for name, hostile_values in values.items():
        for value in hostile_values:
            fields = msgspec.to_builtins(plan)
            part = {"plan": fields, "problem": fields["problems"][0], "entrant": fields["entrants"][0]}[place]
            part[name] = value
            faults = list(plan_faults(msgspec.convert(fields, type(plan))))
            assert faults, (name, value)
            assert all(fault.isprintable() and len(fault) < 500 for fault in faults)


@pytest.mark.parametrize(("metric", "is_damaged"), [("", False), ("accuracy", True)])
def test_a_stored_metric_needs_two_targets(plan_of, metric, is_damaged):
    """A single gap is enough; a single value of a metric does not say if higher values are better."""
    plan = plan_of()
    problem = msgspec.structs.replace(plan.problems[0], targets=(0.95,), target_metric=metric)
    assert bool(list(plan_faults(msgspec.structs.replace(plan, problems=(problem,))))) == is_damaged
