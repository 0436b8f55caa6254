"""Tests of the check of gradients, which differentiates nothing."""

import pytest

from benchbed.interfaces import Gradient

HOOK = "\n@hookimpl\ndef register_gradients(register):\n    register({arguments})\n"
SOUND = '''
def mine(function, theta):
    """Differentiate in my way."""
    raise RuntimeError("not at registration")

def drawing(function, theta, draw):
    pass

def draw(generator, steps, dimension):
    return torch.randn(steps, dimension, generator=generator)
'''

BROKEN = {
    "no function": ("bad = 3", "3 cannot be called; register a function of a loss function and theta"),
    "no function within": ("bad = Gradient(3)", "3 cannot be called"),
    "too few arguments": ("def bad(function): pass", "it cannot be called with function, theta (TypeError: "),
    "too many": ("def bad(function, theta, more): pass", "it cannot be called with function, theta ("),
    "no draw": ("bad = Gradient(mine, make_draws=draw)", "it cannot be called with function, theta, draw ("),
    "a form": ("bad = Gradient(mine, traced=3)", "3 cannot be called"),
    "another form": (
        "bad = Gradient(mine, under_vmap=drawing)",
        "it cannot be called with function, theta (",
    ),
    "free": (
        "bad = Gradient(mine, price=lambda d: 0)",
        "its price at dimension 1 is 0; it must be finite and above 0",
    ),
    "priceless": (
        "bad = Gradient(mine, price=lambda d: float('inf') if d > 10 else 1)",
        "its price at dimension 1000 is inf",
    ),
    "no price": ("bad = Gradient(mine, price=2)", "calling its price raised TypeError"),
    "no width": (
        "bad = Gradient(mine, width=lambda d: 0.5)",
        "its width at dimension 1 is 0.5; it must be an integer of at least 1",
    ),
    "odd draws": (
        "bad = Gradient(drawing, make_draws=lambda g, s, d: torch.zeros(d))",
        "its draws for 3 steps have the shapes [(2,)]; return tensors [steps, …]",
    ),
    "no draws": ("bad = Gradient(drawing, make_draws=lambda g, s, d: None)", "have the shapes [()]"),
    "draws raise": (
        "bad = Gradient(drawing, make_draws=lambda g, s, d: 1 / 0)",
        "calling its make_draws raised ZeroDivisionError",
    ),
}


@pytest.mark.parametrize(("source", "expected"), BROKEN.values(), ids=BROKEN)
def test_a_gradient_that_breaks_the_contract_is_rejected(source, expected, plugin, record):
    """The error has the fault and its remedy."""
    plugin_record = record(plugin(SOUND + source + HOOK.format(arguments="bad, name='bad'")))
    assert plugin_record.status == "invalid"
    assert expected in plugin_record.error


def test_a_plain_function_costs_one_call(plugin, record):
    """Its entry has the name, digest and docstring of the function."""
    catalog = plugin(SOUND + HOOK.format(arguments="mine"))
    assert record(catalog).status == "loaded"
    gradient, entry = catalog.gradient("mine"), catalog.entry("gradients", "mine")
    assert isinstance(gradient, Gradient)
    assert (gradient.price(7), gradient.width(7), gradient.make_draws) == (1.0, 1, None)
    assert entry.summary == "Differentiate in my way."


def test_a_gradient_has_the_name_and_the_source_of_its_function(plugin, record):
    """Not those of the class `Gradient`."""
    catalog = plugin(
        SOUND
        + HOOK.format(arguments="Gradient(mine, price=lambda d: d)")
        + "    register(mine, name='plain')\n    register(Gradient(drawing, make_draws=draw))\n"
    )
    assert record(catalog).registered == {"gradients": ("mine", "plain", "drawing")}
    wrapped, plain = (catalog.entry("gradients", name) for name in ("mine", "plain"))
    assert (wrapped.source, wrapped.summary) == (plain.source, plain.summary)
    assert catalog.gradient("mine").price(7) == 7
