"""Worker processes that run the missing batches of a plan, and the scheduler that stores their results.

Re-exports nothing: `fork_server` must be importable before torch is.
"""
