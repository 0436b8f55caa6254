"""Reverse mode (backpropagation): one pass back through what was computed gives every partial derivative."""

from benchbed.engine import reverse as forms
from benchbed.interfaces import Gradient

reverse = Gradient(forms.reverse, under_vmap=forms.reverse_under_vmap, traced=forms.reverse_traced)
"""What torch.autograd does; by the same functions the engine measures gradient norms, whatever a run uses."""
