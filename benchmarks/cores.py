"""Restriction of all tools of a comparison to the same cores."""

import os

import torch


def keep_to(threads: int) -> None:
    """Restrict this process and its children to `threads` cores, and their libraries to as many threads.

    Exits if there are fewer cores. Call it before JAX starts, which counts its threads once.
    """
    if hasattr(os, "sched_setaffinity"):  # Linux; JAX counts the allowed cores
        allowed = sorted(os.sched_getaffinity(0))
        if threads > len(allowed):
            raise SystemExit(f"--threads is {threads}, but there are only {len(allowed)} cores")
        os.sched_setaffinity(0, allowed[:threads])
    if threads == 1:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    os.environ["JAX_PLATFORMS"] = "cpu"  # JAX would use a GPU if there is one
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    torch.set_num_threads(threads)
