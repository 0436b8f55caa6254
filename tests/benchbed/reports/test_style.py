"""Every optimizer can be told from every other, in colour and in print."""

import pytest

from benchbed.reports.style import caption, looks, palette


@pytest.mark.parametrize("count", [1, 2, 10, 11, 25, 50])
def test_no_two_optimizers_look_alike(count):
    """Neither their colours nor their pairs of dashes and marker."""
    names = [f"optimizer-{i}" for i in range(count)]
    assert len(set(palette(names).values())) == count
    assert len({(look.dashes, look.marker) for look in looks(names).values()}) == count


def test_a_name_keeps_its_colour_whatever_is_drawn():
    """Colours follow the plan, so the same study has the same ones in all its figures."""
    names = ["gd", "adam", "sgd"]
    assert palette(names) == {name: look.color for name, look in looks(names).items()}


@pytest.mark.parametrize(
    "text", ["a$b$_c$", "x[beta=[0.1, 0.2]]", "torch.optim:SGD[learning_rate=0.1]", "x" * 200]
)
def test_captions_lose_nothing(text):
    """They are wrapped, and a dollar sign begins no formula."""
    shown = caption(text)
    assert max(len(line.replace(r"\$", "$")) for line in shown.split("\n")) <= 34
    assert shown.replace("\n", "").replace(r"\$", "$") == text


def test_no_caption_is_hidden():
    """Matplotlib leaves labels that begin with an underscore out of legends."""
    assert not caption("_x").startswith("_")
