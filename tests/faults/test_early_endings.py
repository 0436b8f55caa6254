"""Rows 12 and 13 at awkward moments: while the first child is being born, and over a plugin stuck in C."""

import pytest

pytestmark = pytest.mark.slow

ASKED = ["-p", "quadratic", "-o", "hangs-in-c", "--track", "default", "-O", "study"]


@pytest.fixture
def stuck(tmp_path, start, surroundings, misdeeds):
    """Give a command whose only optimizer hangs in C, and the mark of its processes."""
    mark = f"benchbed-test-{tmp_path}"
    environment = surroundings(BENCHBED_TEST_MARK=mark, BENCHBED_TEST_GATE=tmp_path)
    command = start(tmp_path, environment, [*misdeeds, *ASKED])
    yield command, mark
    command.kill()


def test_an_impatient_interrupt_while_children_are_born_is_clean(stuck, tmp_path, waiting, left):
    """Ctrl-C, twice, as soon as the folder is there: the fork server is still importing."""
    command, mark = stuck
    waiting((tmp_path / "study" / "environments").exists)
    command.disturb("SIGINT")
    command.disturb("SIGINT")
    code, errors = command.end()
    assert code == 130
    assert "Traceback" not in errors
    assert left(mark) == []


def test_a_child_stuck_in_c_dies_with_its_driver(stuck, tmp_path, waiting, left):
    """No thread of its own could tell it: the kernel does."""
    command, mark = stuck
    waiting((tmp_path / "stuck").exists)
    command.disturb("SIGKILL")
    command.end()
    assert left(mark) == []
