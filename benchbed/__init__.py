"""benchbed compares optimizers honestly and fast; public names are imported at their first use."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchbed.browser import open_in_browser
    from benchbed.catalog.loading import load_catalog
    from benchbed.catalog.lookup import Catalog
    from benchbed.errors import BenchbedError, NothingSelectedError, StudyFolderError, UsageError
    from benchbed.minimization import Minimum, minimize
    from benchbed.plan import Plan
    from benchbed.study import Study, load, run
    from benchbed.study.drawing import FigureResult, FigureRun, draw_figures
    from benchbed.study.instances import EvaluationInstances, evaluation_instances

__version__ = "0.1.0"
__all__ = [
    "BenchbedError",
    "Catalog",
    "EvaluationInstances",
    "FigureResult",
    "FigureRun",
    "Minimum",
    "NothingSelectedError",
    "Plan",
    "Study",
    "StudyFolderError",
    "UsageError",
    "__version__",
    "draw_figures",
    "evaluation_instances",
    "load",
    "load_catalog",
    "minimize",
    "open_in_browser",
    "run",
]

_MODULES = {
    "catalog.loading": ("load_catalog",),
    "catalog.lookup": ("Catalog",),
    "browser": ("open_in_browser",),
    "errors": ("BenchbedError", "NothingSelectedError", "StudyFolderError", "UsageError"),
    "minimization": ("Minimum", "minimize"),
    "plan": ("Plan",),
    "study": ("Study", "load", "run"),
    "study.drawing": ("FigureResult", "FigureRun", "draw_figures"),
    "study.instances": ("EvaluationInstances", "evaluation_instances"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `benchbed --version` imports neither torch nor pandas."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"benchbed.{module}"), name)
    raise AttributeError(f"module 'benchbed' has no attribute {name!r}")
