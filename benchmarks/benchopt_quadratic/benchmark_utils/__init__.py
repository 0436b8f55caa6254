"""Base class and checkpoints of the solvers."""
