"""Run what a plan lacks, in processes that may die, and store each result as it arrives.

Nothing is offered here: `isolation` must be importable before torch is, to have it imported elsewhere meanwhile.
"""
