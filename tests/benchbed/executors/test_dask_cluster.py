"""Executor on a dask cluster; tests/faults/test_executors.py runs studies on it."""

import logging
from unittest import mock

import pytest

dask_cluster = pytest.importorskip("benchbed.executors.dask_cluster", reason="needs distributed")


@pytest.mark.parametrize(
    ("address", "message"),
    [("host", "missing port number"), ("tcp://host", "missing port"), ("host:x", "'x'")],
)
def test_an_address_without_a_port_is_rejected(address, message, monkeypatch):
    """Before a client exists, which would not close itself."""
    monkeypatch.setattr(dask_cluster, "Client", None)
    with pytest.raises(ValueError, match=message):
        dask_cluster.DaskExecutor(1, address)


def test_workers_of_this_machine_print_no_tracebacks(monkeypatch):
    """One whose scheduler has ended before it logs an error, at the end of a study that has all results."""
    cluster = mock.MagicMock()
    monkeypatch.setattr(dask_cluster, "LocalCluster", cluster)
    monkeypatch.setattr(dask_cluster, "Client", mock.MagicMock())
    dask_cluster.DaskExecutor(1, "")
    assert cluster.call_args.kwargs["silence_logs"] > logging.ERROR
