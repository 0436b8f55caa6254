"""Keep every side of a comparison to the same cores."""

import os

import torch


def keep_to(threads: int) -> None:
    """Keep this process and its children to so many cores, and their libraries to as many threads.

    Ends the program where there are fewer cores. Call it before JAX is used: it counts its threads once.
    """
    if hasattr(os, "sched_setaffinity"):  # Linux; JAX counts the cores that it may use
        allowed = sorted(os.sched_getaffinity(0))
        if threads > len(allowed):
            raise SystemExit(
                f"--threads is {threads}, but there are {len(allowed)} cores; give at most as many"
            )
        os.sched_setaffinity(0, allowed[:threads])
    if threads == 1:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    os.environ["JAX_PLATFORMS"] = "cpu"  # where there is a GPU, JAX would take it
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    torch.set_num_threads(threads)
