"""Problems made of a `torch.nn.Module` and a data set."""

from benchbed.modules.problem import ModuleProblem

__all__ = ["ModuleProblem"]
