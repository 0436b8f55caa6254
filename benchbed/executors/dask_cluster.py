"""Executor on a dask cluster (`pip install benchbed[dask]`)."""

import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from distributed import Client, LocalCluster
from distributed.comm.addressing import get_address_host_port
from distributed.core import coerce_to_address

CONNECT_SECONDS = 10.0
"""Time limit of connecting to a scheduler."""


class DaskExecutor(Executor):
    """Executor whose tasks the workers of a dask cluster run."""

    def __init__(self, jobs: int, address: str) -> None:
        """Start `jobs` workers on this machine, or connect to the scheduler at an address.

        Raises: ValueError if the address has no host and port; OSError if it does not answer.
        """
        # A client that cannot read its address waits for itself at its end, and prints a traceback.
        if address:
            get_address_host_port(coerce_to_address(address))
        self._cluster = None
        if not address:
            self._cluster = LocalCluster(
                n_workers=jobs,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=None,
                silence_logs=logging.CRITICAL,  # a worker whose scheduler has ended first prints a traceback
            )
            self._cluster.adapt(minimum=jobs, maximum=jobs)  # replaces a worker that dies while it starts
        # A connection that is lost is described once, by the driver, instead of by tracebacks.
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        self._client = Client(self._cluster or address, timeout=CONNECT_SECONDS, set_as_default=False)
        self._executor = self._client.get_executor(pure=False)

    @property
    def jobs(self) -> int:
        """The number of tasks that run at a time; workers may join the cluster and leave it."""
        return int(self._client.scheduler_info(n_workers=0)["total_threads"])

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit a task and return its future."""
        future: Future[Any] = self._executor.submit(fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for the tasks, or cancel them; then close the client, and the cluster if it was started here."""
        self._executor.shutdown(wait=wait and not cancel_futures)
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()
