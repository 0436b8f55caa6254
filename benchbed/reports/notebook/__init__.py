"""A study in a notebook: its conclusion and scores as HTML, and its plots as seaborn grids."""
