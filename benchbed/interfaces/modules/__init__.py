"""Problems made of a `torch.nn.Module` and a data set."""

from benchbed.interfaces.modules.problem import ModuleProblem

__all__ = ["ModuleProblem"]
