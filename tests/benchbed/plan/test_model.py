"""Tests of plans, and of keys: they contain all that a trial's result depends on, and nothing else."""

import msgspec
import pytest

from benchbed.catalog.records import Origin
from benchbed.interfaces import TrialStatus
from benchbed.plan import Plan, Shard
from benchbed.plan.parts import PlanningFault
from benchbed.seeds import PROTOCOL, digest

OTHER_PROBLEM = {
    "name": "other",
    "parameters": {"start": 3.0},
    "source": "0" * 32,
    "budget": 7,
    "dtype": "float32",
}
SAME_RESULT = {
    "label": "another label",
    "success_target": 0.5,
    "has_optimum": False,
    "workspace": 1,
    "dimension": 99,
    "origin": Origin("elsewhere:other"),
    "fault": PlanningFault(TrialStatus.FAILED, "the reason"),
}
OTHER_PLAN = {
    "protocol": "3",
    "study_seed": 1,
    "gradient": "forward",
    "gradient_source": "0" * 16,
    "device": "cuda",
    "checkpoints": "all",
    "tolerance": 1e-6,
    "stop_when_solved": False,
}
SAME_PLAN = {
    "name": "another",
    "preset": "full",
    "tracks": ("tuned",),
    "evaluation_seeds": 99,
    "tuning_seeds": 99,
    "small_tuning_seeds": 99,
    "rates": (1.0,),
    "extensions": 9,
    "rates_per_decade": 3,
    "refinements": 3,
    "shard": Shard(1, 2),
    "engine": "compiled",
    "suite": {"name": "x"},
    "metrics": {"other": Origin("elsewhere:other")},
    "gradient_origin": Origin("elsewhere:other"),
}
ARGUMENTS = {
    "optimizer": ("adam", "a" * 32),
    "hyperparameters": {"learning_rate": 0.1, "beta1": 0.9},
    "role": "evaluation",
    "seeds": [3],
}
OTHER_ARGUMENTS = {
    "optimizer": [("adamw", "a" * 32), ("adam", "b" * 32)],
    "hyperparameters": [
        {"learning_rate": 0.2, "beta1": 0.9},
        {"learning_rate": 0.1, "beta1": 0.8},
        {"learning_rate": 0.1},
        {"learning_rate": 0.1, "beta2": 0.9},
    ],
    "role": ["tuning"],
    "seeds": [[4]],
}


@pytest.fixture
def plan(plan_of):
    """Return a small plan."""
    return plan_of()


def key_of(plan, problem=None, **arguments):
    (key,) = plan.keys_of(problem or plan.problems[0], **(ARGUMENTS | arguments))
    return key


def test_a_key_is_the_digest_of_its_ingredients(plan):
    """Protocol, study seed, problem, optimizer, setting, role, seed, budget, gradient, dtype, device, checkpoints."""
    problem = plan.problems[0]
    expected = digest(
        PROTOCOL, 0, "quadratic", {}, problem.source, "adam", "a" * 32, ARGUMENTS["hyperparameters"], "evaluation", 3,
        200, "reverse", plan.gradient_source, "float64", "cpu", "protocol",
    )  # fmt: skip
    assert key_of(plan) == expected


@pytest.mark.parametrize("field", OTHER_PROBLEM)
def test_another_problem_has_another_key(plan, field):
    """Name, parameters, source, budget and dtype determine the result."""
    changed = msgspec.structs.replace(plan.problems[0], **{field: OTHER_PROBLEM[field]})
    assert key_of(plan, changed) != key_of(plan)


@pytest.mark.parametrize("field", SAME_RESULT)
def test_descriptive_fields_of_a_problem_are_not_in_the_key(plan, field):
    """Its label or its workspace does not change results."""
    changed = msgspec.structs.replace(plan.problems[0], **{field: SAME_RESULT[field]})
    assert key_of(plan, changed) == key_of(plan)


@pytest.mark.parametrize("field", OTHER_PLAN)
def test_other_conditions_of_a_run_have_another_key(plan, field):
    """Protocol, seed of the study, gradient, device and checkpoints."""
    assert key_of(msgspec.structs.replace(plan, **{field: OTHER_PLAN[field]})) != key_of(plan)


def test_each_tolerance_has_separate_trials(plan):
    """A plan without a tolerance has the keys from before the option existed."""
    plans = [msgspec.structs.replace(plan, tolerance=tolerance) for tolerance in (None, 1e-6, 1e-5)]
    assert len({key_of(changed) for changed in plans}) == 3
    plain = msgspec.json.decode(msgspec.json.encode(plan))
    del plain["tolerance"]
    assert key_of(msgspec.convert(plain, Plan)) == key_of(plan)


@pytest.mark.parametrize("field", SAME_PLAN)
def test_fields_about_other_trials_are_not_in_the_key(plan, field):
    """Finished trials remain valid with more seeds, another grid or another name."""
    assert key_of(msgspec.structs.replace(plan, **{field: SAME_PLAN[field]})) == key_of(plan)


def test_every_field_of_a_plan_and_a_problem_is_in_one_of_these_lists(plan):
    """A new field must be added to one of the lists."""
    assert {*OTHER_PLAN, *SAME_PLAN, "problems", "entrants"} == set(Plan.__struct_fields__)
    derived = {
        "targets",
        "full_price",
        "deterministic",
        "seedless",
        "optimum_is_bound",
        "reference",
        "reference_fault",
        "target_metric",
        "defaults",
        "group",
        "score_start",
        "start_strata",
        "gradient_price",
        "gradient_draws",
        "built_in",
    }  # follow from name, parameters, source, dtype and gradient
    assert {*OTHER_PROBLEM, *SAME_RESULT, *derived} == set(plan.problems[0].__struct_fields__)


@pytest.mark.parametrize(
    ("argument", "value"), [(name, value) for name, values in OTHER_ARGUMENTS.items() for value in values]
)
def test_another_trial_has_another_key(plan, argument, value):
    """Optimizer, its source, each hyperparameter by name and value, role and seed."""
    assert key_of(plan, **{argument: value}) != key_of(plan)


@pytest.mark.parametrize(
    ("problem", "optimizer", "evaluation", "tuning"),
    [
        ("quadratic[start=2]", "adam", 1, 1),
        ("quadratic[start=[1, 2], rotated=true]", "adam", 3, 2),  # the rotation is drawn
        ("quadratic", "adam", 3, 2),
        ("quartic[start=1.5]", "sgd", 3, 2),  # the gradients are drawn
        ("quartic[start=1.5]", "gd", 1, 1),
        ("quartic[start=1.5, gradient_noise=0]", "sgd", 1, 1),
        ("quartic", "gd", 3, 2),
        ("weighted-quartic[start=-3, gradient_noise=0]", "adam", 1, 1),
        ("runge", "gd", 3, 2),  # starts at 0, but draws its points
        ("polynomial-network[samples=128]", "gd", 3, 2),
    ],
)
def test_a_trial_that_does_not_depend_on_its_seed_is_planned_once_in_each_role(
    plan_of, problem, optimizer, evaluation, tuning
):
    """It depends on the start, the data and the oracle of the optimizer."""
    plan = plan_of((problem,), (optimizer,))
    planned = [plan.seeds_of(plan.problems[0], plan.entrants[0], role) for role in ("evaluation", "tuning")]
    assert planned == [range(evaluation), range(tuning)]


def test_a_plan_without_the_field_seedless_has_all_seeds(plan_of):
    """Earlier versions wrote such plans, and ran all seeds."""
    plan = plan_of(("quadratic[start=2]",))
    plain = msgspec.json.decode(msgspec.json.encode(plan))
    for problem in plain["problems"]:
        del problem["seedless"]
    older = msgspec.convert(plain, Plan)
    assert older.seeds_of(older.problems[0], older.entrants[0], "evaluation") == range(3)


def test_small_problems_have_more_tuning_seeds(plan_of):
    """Their steps are cheap, and rates at which few seeds diverge need many seeds to be found out."""
    plan = plan_of(("quadratic[dimension=50]", "quadratic[dimension=51]"), preset="standard")
    small, large = plan.problems
    assert (plan.tuning_seeds_of(small), plan.tuning_seeds_of(large)) == (10, 6)
    assert plan.seeds_of(small, plan.entrants[0], "tuning") == range(10)
    assert plan.seeds_of(large, plan.entrants[0], "tuning") == range(6)
    assert plan.describe_seeds() == "20 evaluation seeds, 6 or 10 tuning seeds"
    assert plan_of().describe_seeds() == "3 evaluation seeds, 2 tuning seeds"
    settings = len(plan.rates) + 2 * plan.refinements
    assert plan.most_trials == 2 * 2 * 20 + settings * (6 + 10)


def test_a_plan_without_the_tuning_seeds_of_small_problems_keeps_its_trials(plan_of):
    """Earlier versions wrote such plans, with equally many for all problems."""
    plain = msgspec.json.decode(msgspec.json.encode(plan_of(preset="standard")))
    del plain["small_tuning_seeds"]
    older = msgspec.convert(plain, Plan)
    assert older.seeds_of(older.problems[0], older.entrants[0], "tuning") == range(6)


def test_a_plan_without_the_source_of_its_gradient_keeps_its_keys(plan):
    """Earlier versions, with a single gradient, wrote such plans."""
    plain = msgspec.json.decode(msgspec.json.encode(plan))
    del plain["gradient_source"]
    expected = digest(
        PROTOCOL, 0, "quadratic", {}, plan.problems[0].source, "adam", "a" * 32, ARGUMENTS["hyperparameters"],
        "evaluation", 3, 200, "reverse", "float64", "cpu", "protocol",
    )  # fmt: skip
    assert key_of(msgspec.convert(plain, Plan)) == expected


@pytest.mark.parametrize(
    ("problem", "optimizer"), [("quadratic[start=2]", "adam"), ("quartic[start=1.5]", "gd")]
)
def test_a_gradient_that_draws_makes_trials_depend_on_their_seed(plan_of, problem, optimizer):
    """Also if problem and optimizer are deterministic."""
    for gradient, seeds in (("forward", range(1)), ("forward-random", range(3))):
        plan = plan_of((problem,), (optimizer,), gradient=gradient)
        assert plan.seeds_of(plan.problems[0], plan.entrants[0], "evaluation") == seeds


def test_a_gradient_that_draws_makes_the_oracle_stochastic(plan_of):
    """Except a full gradient of a finite sum, and an exact gradient, which has no price."""
    for problem, optimizer, oracle in (
        ("quadratic", "gd", "stochastic"),
        ("polynomial-network[samples=4096]", "gd", "full"),
        ("quartic", "gd", "exact"),
        ("quartic", "sgd", "stochastic"),
    ):
        plan = plan_of((problem,), (optimizer,), gradient="forward-random")
        assert plan.problems[0].oracle_of(plan.entrants[0]) == oracle


def test_the_order_of_hyperparameters_is_not_in_the_key(plan):
    """They are a mapping."""
    assert key_of(plan, hyperparameters={"beta1": 0.9, "learning_rate": 0.1}) == key_of(plan)


def test_the_kind_of_device_is_in_the_key_and_its_number_is_not(plan):
    """A trial on cuda:1 is the same as on cuda:0."""
    devices = [msgspec.structs.replace(plan, device=device) for device in ("cuda", "cuda:0", "cuda:1")]
    assert len({key_of(changed) for changed in devices}) == 1


def test_equal_numbers_written_differently_are_the_same_trial(plan_of):
    """1, 1.0 and 1e0 are one learning rate; 2 and 2.0 are one start."""
    plans = [plan_of(optimizers=(f"adam[learning_rate={text}]",)) for text in ("1", "1.0", "1e0")]
    plans += [plan_of(optimizers=("adam",))]  # its grid contains the rate 1
    settings = [plan.entrants[0].hyperparameters for plan in plans[:3]]
    settings += [plans[3].entrants[0].at(1.0)]
    assert len({key_of(plans[0], hyperparameters=setting) for setting in settings}) == 1
    starts = [plan_of(problems=(f"quadratic[start={text}]",)).problems[0] for text in ("2", "2.0")]
    assert key_of(plans[0], starts[0]) == key_of(plans[0], starts[1])


def test_the_keys_of_a_batch_have_the_shape_of_its_trials(plan):
    """[seeds][settings], each equal to the key of the single trial."""
    (pairing,) = plan.pairings()
    entrant = pairing.entrants[0]
    batch = plan.batch(pairing, [entrant.at(0.1), entrant.at(0.2)], "tuning", [4, 0])
    expected = [
        [
            key_of(
                plan,
                optimizer=(entrant.name, entrant.source),
                hyperparameters=entrant.at(rate),
                role="tuning",
                seeds=[seed],
            )
            for rate in (0.1, 0.2)
        ]
        for seed in (4, 0)
    ]
    assert plan.keys(batch) == expected
    assert batch.trials == 4


def test_a_plan_is_encoded_as_json(plan_of):
    """The decoded plan has the same keys and pairings."""
    plan = plan_of(
        ("quadratic[eigenvalues=[1, 3]]", "polynomial-network"),
        ("adam", "torch.optim:Adam[betas=[0.8, 0.99]]"),
    )
    decoded = msgspec.json.decode(msgspec.json.encode(plan), type=Plan)
    batches = [
        [
            source.batch(pairing, [entrant.hyperparameters], "evaluation", [0, 1])
            for pairing in source.pairings()
            for entrant in pairing.entrants
        ]
        for source in (plan, decoded)
    ]
    assert list(map(plan.keys, batches[0])) == list(map(decoded.keys, batches[1]))
