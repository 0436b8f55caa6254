"""Import what every child needs, once, in the fork server: a new child then costs a tenth of a second."""

import torch

import benchbed.runner.task  # noqa: F401 (imported for the children that are forked from here)

torch.set_num_threads(1)
