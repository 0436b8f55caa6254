"""Compare optimizers honestly and fast; the public names, loaded when first used."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchbed.minimization import Minimum, minimize
    from benchbed.study import Study, load, run

__version__ = "0.1.0"
__all__ = ["Minimum", "Study", "__version__", "load", "minimize", "run"]


def __getattr__(name: str) -> Any:
    """Import what runs studies only when it is asked for, so that `benchbed --version` stays light."""
    if name in ("Minimum", "minimize"):
        from benchbed import minimization

        return getattr(minimization, name)
    if name in ("Study", "load", "run"):
        from benchbed import study

        return getattr(study, name)
    raise AttributeError(f"module 'benchbed' has no attribute {name!r}")
