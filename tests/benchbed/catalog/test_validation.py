"""Tests of the checks at registration: each error has the fault and its remedy."""

import pytest

HOOK = "\n@hookimpl\ndef register_{kind}(register):\n    register({arguments})\n"
FROZEN = "@dataclass(frozen=True)\nclass Bad(Bowl):\n    "

PROBLEMS = {
    "no problem": ("Bad = int", "subclass benchbed.interfaces.Problem"),
    "an object": ("Bad = Bowl()", "register the class"),
    "not frozen": ("class Bad(Bowl):\n    size: int = 3", "is not a frozen dataclass"),
    "abstract": (FROZEN.replace("Bowl", "Problem") + "x: int = 1", "does not define layout, make_start"),
    "no default": (FROZEN.replace("True", "True, kw_only=True") + "x: int", "parameter 'x' has no default"),
    "unreadable type": (FROZEN + "x: torch.Tensor | None = None", "parameter 'x' is annotated"),
    "wrong default": (FROZEN + "x: int = 0.5", "parameter 'x' has the default 0.5"),
    "raises": (FROZEN + "def __post_init__(self): raise ValueError('no')", "raised ValueError: no"),
    "layout": (FROZEN + "layout = 3", "its layout is 3"),
    "empty layout": (FROZEN + "layout = Layout({'a': (0,)})", "empty block"),
    "rising targets": (FROZEN + "targets = (0.1, 0.2)", "they must decrease and be between 0 and 1"),
    "no targets": (FROZEN + "targets = ()", "they must decrease and be between 0 and 1"),
    "unknown metric": (FROZEN + "target_metric = 'accuracy'", "target_metric 'accuracy' is not one of its metrics: []"),
    "metric targets": (
        FROZEN + "target_metric = 'a'; targets = (0.5, 0.9, 0.8); metrics = {'a': len}",
        "its targets are (0.5, 0.9, 0.8); give numbers from easy to hard, all rising or all falling",
    ),
    "one metric target": (
        FROZEN + "target_metric = 'a'; targets = (0.95,); metrics = {'a': len}",
        "not say whether higher or lower values of 'a' are better; list an easier one before it, such as (0.8, 0.95)",
    ),
    "equal metric targets": (
        FROZEN + "target_metric = 'a'; targets = (0.9, 0.9); metrics = {'a': len}",
        "its targets are (0.9, 0.9); give numbers from easy to hard, all rising or all falling",
    ),
    "gaps as metric targets": (
        FROZEN + "target_metric = 'a'; metrics = {'a': len}",
        "its targets are those of gaps; list values of 'a' from easy to hard, such as (0.8, 0.95)",
    ),
    "metric success": (
        FROZEN + "target_metric = 'a'; targets = (5, 9); success_target = 7; metrics = {'a': len}",
        "its success_target is 7; it must be a gap between 0 and 1, or a target of its metric",
    ),
    "targets above 1": (FROZEN + "targets = (1.5, 0.2)", "they must decrease and be between 0 and 1"),
    "group": (FROZEN + "group = 'My Group'", "its group is 'My Group'; name it in lower case"),
    "score start": (FROZEN + "score_start = 1", "its score_start is 1; it must be a number between 0 and 1"),
    "group number": (FROZEN + "group = 3", "its group is 3; name it in lower case"),
    "no strata": (FROZEN + "start_strata = 0", "its start_strata is 0; use an integer of at least 1"),
    "part of a stratum": (FROZEN + "start_strata = 2.5", "its start_strata is 2.5; use an integer"),
    "strata as text": (FROZEN + "start_strata = '2'", "its start_strata is '2'; use an integer"),
    "scale instances": (FROZEN + "scale_instances = 0", "its scale_instances is 0; use an integer of at least 1"),
    "budget": (FROZEN + "budget = 0", "its budgets are [0]"),
    "price": (FROZEN + "full_price = -1.0", "its full_price is -1.0"),
    "dtype": (FROZEN + "dtype = 'float16'", "problem 'bad': its dtype is 'float16'"),
    "metric of another's name": (
        FROZEN + "metrics = {'start_in_basin': lambda theta, data: theta.sum(-1)}",
        "has a metric 'start_in_basin', a name that is reserved for in_basin at a trial's start; rename it",
    ),
    "no basin function": (FROZEN + "in_basin = True", "its in_basin is not a function of theta and data"),
    "layout raises": (FROZEN + "layout = property(lambda self: 1 / 0)", "raised ZeroDivisionError"),
}  # fmt: skip

OPTIMIZERS = {
    "not callable": ("bad = 3", "is not a factory"),
    "no default": ("def bad(rate: float): return rule()", "parameter 'rate' has no default"),
    "no annotation": ("def bad(rate=print): return rule()", "parameter 'rate' is not annotated"),
    "required by a class": (
        "class bad(torch.optim.Optimizer):\n    def __init__(self, params, lr=0.1, *, rank): ...",
        "its parameter 'rank' has no default",
    ),
    "class of a module": (
        "class bad(torch.optim.Optimizer):\n    def __init__(self, params: torch.nn.Module): ...",
        "its parameter 'params' takes a module",
    ),
    "odd annotation": ("def bad(rate: list = 1): return rule()", "parameter 'rate' is annotated"),
    "unknown annotation": ("def bad(rate: 'Missing' = 1): return rule()", "signature cannot be read"),
    "variadic": ("def bad(**rates: float): return rule()", "list each hyperparameter by name"),
    "default outside": (
        "def bad(rate: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1)] = 1.0): return rule()",
        "rate is 1.0; it must be a number of at least 0 and less than 1",
    ),
    "no choice": (
        "def bad(mode: Annotated[str, Choice(())] = 'a'): return rule()",
        "parameter 'mode' has a Choice without values; list some",
    ),
    "wrong choice": (
        "def bad(mode: Annotated[Literal['a'], Choice(('a', 'b'))] = 'a'): return rule()",
        "a choice: mode is 'b'; it must be 'a'",
    ),
    "infinite default": ("def bad(rate: float = float('inf')): return rule()", "it must be a finite number"),
    "truth value": ("def bad(rate: float = True): return rule()", "it must be a finite number"),
    "wrong static": ("def bad(steps: int = 'x'): return rule()", "it must be an integer"),
    "raises": ("def bad(): raise RuntimeError('no')", "calling it with its defaults raised RuntimeError: no"),
    "returns something else": ("def bad(): return 3", "it returned 3"),
    "returns None": ("def bad(): pass", "it returned None"),
    "no function": ("def bad(): return rule()._replace(update=3)", "its update is 3"),
    "odd full_batch": (
        "def bad(): return rule()._replace(full_batch='half')",
        "its full_batch is 'half'; it must be True or False",
    ),
    "odd need": (
        "def bad(): return rule()._replace(needs_exact_gradients=1)",
        "its needs_exact_gradients is 1; it must be True or False",
    ),
}

OTHERS = {
    "metrics": ("bad = 3", "cannot be called"),
    "gradients": ("bad = 3", "cannot be called"),
    "executors": ("bad = None", "cannot be called"),
    "reports": ("class bad: name = 'x'", "has no method 'pieces'"),
    "figures": ("bad = 3", "register a benchbed.interfaces.Figure"),
    "suites": ("bad = Path('missing.toml')", "cannot be read"),
}


def test_a_valid_problem_is_registered(plugin, record):
    """Its name is derived from the class."""
    plugin_record = record(plugin(HOOK.format(kind="problems", arguments="Bowl")))
    assert (plugin_record.status, plugin_record.registered) == ("loaded", {"problems": ("bowl",)})


@pytest.mark.parametrize(("source", "expected"), PROBLEMS.values(), ids=PROBLEMS)
def test_a_problem_that_breaks_the_contract_is_rejected(source, expected, plugin, record):
    """It is built once, with its defaults."""
    plugin_record = record(plugin(source + HOOK.format(kind="problems", arguments="Bad")))
    assert plugin_record.status == "invalid"
    assert expected in plugin_record.error


def test_data_are_not_made_at_registration(plugin, record):
    """They may be large, or on the network."""
    never = "def make_data(self, generator): raise RuntimeError\n    shared_data = make_draws = make_data"
    assert record(plugin(FROZEN + never + HOOK.format(kind="problems", arguments="Bad"))).status == "loaded"


@pytest.mark.parametrize(("source", "expected"), OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_an_optimizer_that_breaks_the_contract_is_rejected(source, expected, plugin, record):
    """The factory is called once, with its defaults."""
    plugin_record = record(plugin(source + HOOK.format(kind="optimizers", arguments="bad, name='bad'")))
    assert plugin_record.status == "invalid"
    assert expected in plugin_record.error


def test_a_factory_may_take_layout_and_static_parameters(plugin, record):
    """Static parameters are int, bool, str and Literal; `layout` is passed."""
    source = """
def good(
    layout: Layout, kind: Literal["a", "b"] = "a", steps: int = 1, flag: bool = True, rate: Hyperparameter = 1
):
    assert layout.dimension == 2
    return rule()
"""
    catalog = plugin(source + HOOK.format(kind="optimizers", arguments="good"))
    assert record(catalog).status == "loaded"
    assert [(p.name, p.static) for p in catalog.parameters("good").values()] == [
        ("kind", True), ("steps", True), ("flag", True), ("rate", False),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", OTHERS)
def test_every_other_kind_is_checked(kind, plugin, record):
    """An object that cannot be called, drawn or read is rejected."""
    source, expected = OTHERS[kind]
    arguments = "bad" if kind in ("reports", "suites") else "bad, name='bad'"
    plugin_record = record(plugin(source + HOOK.format(kind=kind, arguments=arguments)))
    assert plugin_record.status == "invalid"
    assert expected in plugin_record.error


def test_an_optimizer_has_the_family_that_its_plugin_states(plugin):
    """Without one it is `other`; in a wrapper it keeps it."""
    registrations = "rule, family='sign')\n    register(rule, name='plain'"
    wrapper = "def halved(optimizer): return optimizer\n" + HOOK.format(kind="wrappers", arguments="halved")
    catalog = plugin(wrapper + HOOK.format(kind="optimizers", arguments=registrations))
    families = {name: catalog.optimizer(name).family for name in ("rule", "plain", "halved(rule)")}
    assert families == {"rule": "sign", "plain": "other", "halved(rule)": "sign"}


@pytest.mark.parametrize(
    ("kind", "arguments", "expected"),
    [
        ("optimizers", "rule, family='My Family'", "its family is 'My Family'; name it in lower case"),
        ("optimizers", "rule, family=3", "its family is 3; name it in lower case"),
        ("problems", "Bowl, family='sign'", "it has a family, which only optimizers have; leave it out"),
    ],
)
def test_a_family_is_a_lower_case_name_of_an_optimizer(kind, arguments, expected, plugin, record):
    """It is printed, and problems state their group."""
    plugin_record = record(plugin(HOOK.format(kind=kind, arguments=arguments)))
    assert plugin_record.status == "invalid"
    assert expected in plugin_record.error


def test_a_suite_is_named_by_its_file(plugin, tmp_path):
    """Its summary is the first comment, its source the digest of the file."""
    (tmp_path / "small.toml").write_text("# A small suite.\nname = 'small'\n")
    catalog = plugin(HOOK.format(kind="suites", arguments=f"Path({str(tmp_path / 'small.toml')!r})"))
    entry = catalog.entry("suites", "small")
    assert (entry.implementation, entry.summary) == (tmp_path / "small.toml", "A small suite.")


def test_an_object_without_a_source_file_is_rejected(plugin, record):
    """Its versions could not be distinguished in the results."""
    source = "scope = {'__name__': 'nowhere'}\nexec('def bad(theta): pass', scope)\nbad = scope['bad']"
    plugin_record = record(plugin(source + HOOK.format(kind="metrics", arguments="bad")))
    assert "it is not defined in a file" in plugin_record.error


def test_a_name_registered_twice_by_one_plugin_is_rejected(plugin, record):
    """The second one would replace the first."""
    plugin_record = record(plugin(HOOK.format(kind="problems", arguments="Bowl") + "    register(Bowl)"))
    assert "registers this name twice" in plugin_record.error
