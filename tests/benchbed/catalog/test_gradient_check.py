"""What a gradient must be is checked when it is registered, without differentiating anything."""

import pytest

from benchbed.interfaces import Gradient

HOOK = "\n@hookimpl\ndef register_gradients(register):\n    register({thing})\n"
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
    "free": ("bad = Gradient(mine, price=lambda d: 0)", "its price at dimension 1 is 0; give calls"),
    "priceless": (
        "bad = Gradient(mine, price=lambda d: float('inf') if d > 10 else 1)",
        "its price at dimension 1000 is inf",
    ),
    "no price": ("bad = Gradient(mine, price=2)", "asking its price raised TypeError"),
    "no width": (
        "bad = Gradient(mine, width=lambda d: 0.5)",
        "its width at dimension 1 is 0.5; give a whole",
    ),
    "odd draws": (
        "bad = Gradient(drawing, make_draws=lambda g, s, d: torch.zeros(d))",
        "its draws for 3 steps have the shapes [(2,)]; give tensors [steps, …]",
    ),
    "no draws": ("bad = Gradient(drawing, make_draws=lambda g, s, d: None)", "have the shapes [()]"),
    "draws raise": (
        "bad = Gradient(drawing, make_draws=lambda g, s, d: 1 / 0)",
        "making its draws raised ZeroDivisionError",
    ),
}


@pytest.mark.parametrize(("source", "expected"), BROKEN.values(), ids=BROKEN)
def test_a_gradient_that_breaks_the_contract_is_refused(source, expected, plugin, record):
    """Before anything is run with it, with a sentence that says how to mend it."""
    found = record(plugin(SOUND + source + HOOK.format(thing="bad, name='bad'")))
    assert found.status == "invalid"
    assert expected in found.error


def test_a_plain_function_costs_one_call(plugin, record):
    """It is named, described and digested as it stands."""
    catalog = plugin(SOUND + HOOK.format(thing="mine"))
    assert record(catalog).status == "loaded"
    gradient, entry = catalog.gradient("mine"), catalog.entry("gradients", "mine")
    assert isinstance(gradient, Gradient)
    assert (gradient.price(7), gradient.width(7), gradient.make_draws) == (1.0, 1, None)
    assert entry.summary == "Differentiate in my way."


def test_a_gradient_has_the_name_and_the_source_of_its_function(plugin, record):
    """Not those of the class that holds them together."""
    catalog = plugin(
        SOUND
        + HOOK.format(thing="Gradient(mine, price=lambda d: d)")
        + "    register(mine, name='plain')\n    register(Gradient(drawing, make_draws=draw))\n"
    )
    assert record(catalog).registered == {"gradients": ("mine", "plain", "drawing")}
    one, other = (catalog.entry("gradients", name) for name in ("mine", "plain"))
    assert (one.source, one.summary) == (other.source, other.summary)
    assert catalog.gradient("mine").price(7) == 7
