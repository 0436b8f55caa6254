"""Two rules in a copy of this file that is edited whenever it is imported, and that a third import cannot read."""

from pathlib import Path

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer

FILE = Path(__file__)


def edited(learning_rate: float = 0.1):
    def update(oracle, state, theta):
        return theta - learning_rate * oracle.gradient, state

    return Optimizer(init=lambda theta: (), update=update)


@hookimpl
def register_optimizers(register):
    register(edited, name=FILE.stem)


if FILE.stem == "edited":
    FILE.write_text(FILE.read_text() + "#")
elif Path(f"{FILE}.seen").exists():
    FILE.write_text("def (")
else:
    Path(f"{FILE}.seen").touch()
