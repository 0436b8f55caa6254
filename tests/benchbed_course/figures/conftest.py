"""Small studies of the suites that the course brings, and the figures that are drawn from them."""

from importlib import import_module
from pathlib import Path

import pytest

import benchbed_course
from benchbed.catalog import load_catalog
from benchbed.plan import complete_request, make_plan
from benchbed.plan.request import as_request
from benchbed.study import Resources
from benchbed.study.resources import workers
from benchbed.study.running import complete, study_folder

SUITES = Path(benchbed_course.__file__).parent / "suites"


@pytest.fixture(scope="session")
def study_of(tmp_path_factory):
    """Give a function that runs a suite of the course in this process, without reports.

    What it is told by name stands in place of what the suite says.
    """
    catalog = load_catalog()

    def run(suite, **smaller):
        plan = make_plan(
            catalog, complete_request(catalog, as_request(smaller, "test"), SUITES / f"{suite}.toml")
        )
        path = tmp_path_factory.mktemp(suite)
        with workers(catalog, "serial", 1) as pool, study_folder(path, fresh=False) as folder:
            return complete(plan, catalog, folder, (), pool, Resources(jobs=1, executor="serial"))

    return run


@pytest.fixture(scope="session")
def drawn():
    """Give a function that draws with a module's function, and gives the figure itself beside its picture."""

    def draw(function, *sources):
        module, figures = import_module(function.__module__), []
        original = module.picture

        def keep(figure, *sentences, **more):
            figures.append(figure)
            return original(figure, *sentences, **more)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "picture", keep)
            result = function(*sources)
        return figures[-1], result

    return draw
