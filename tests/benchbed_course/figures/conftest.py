"""Small studies of the course's suites, and the figures that are drawn from them."""

from importlib import import_module
from pathlib import Path

import pytest

import benchbed
import benchbed_course

SUITES = Path(benchbed_course.__file__).parent / "suites"


@pytest.fixture(scope="session")
def study_of(tmp_path_factory):
    """Return a function that runs a suite of the course in this process, without reports and figures.

    Its keyword arguments replace values of the suite.
    """

    def run(suite, **changes):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BENCHBED_DISABLE_PLUGINS", "reports,course")
            return benchbed.run(
                SUITES / f"{suite}.toml",
                output=tmp_path_factory.mktemp(suite),
                jobs=1,
                executor="serial",
                **changes,
            )

    return run


@pytest.fixture(scope="session")
def drawn():
    """Return a function that draws with a module's function, and returns the matplotlib figure and the picture."""

    def draw(function, *sources):
        module, figures = import_module(function.__module__), []
        original = module.picture

        def record(figure, *sentences, **options):
            figures.append(figure)
            return original(figure, *sentences, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "picture", record)
            result = function(*sources)
        return figures[-1], result

    return draw
