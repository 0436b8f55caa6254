"""Known findings as a plugin: properties of optimizers that a benchmark must reproduce, and their command."""
