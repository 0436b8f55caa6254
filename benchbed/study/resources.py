"""Shares of this machine that a study uses: batches at a time, cores, CUDA devices and memory."""

from collections.abc import Collection
from typing import NamedTuple

from benchbed.checkpoints import checkpoint_calls
from benchbed.engine.run import DRAW_BYTES, WORKSPACE_BYTES
from benchbed.errors import UsageError
from benchbed.plan import Plan
from benchbed.runner.cores import usable_cores
from benchbed.runner.devices import cuda_devices
from benchbed.runner.memory import available_bytes, default_limit, is_supported, parse_limit
from benchbed.tuning.scheduling import waves_of

LOCAL = "processes"
"""Name of the executor that runs batches in child processes of the driver."""
LIBRARY_BYTES = 320 << 20
"""Memory of a process before it runs a batch: torch and other libraries."""
CHECKPOINT_BYTES = 200
"""Memory of a trial for each checkpoint: numbers in arrays, rows and the stored part."""
PARAMETER_BYTES = 40
"""Memory of a trial for each parameter: its final point in arrays, rows and the stored part."""
TRIAL_BYTES = 16_000
"""Memory of a trial apart from these: its row."""


class Resources(NamedTuple):
    """Options of running a study that do not affect its results."""

    jobs: int | None = None
    timeout: float | None = None
    """Seconds for each batch."""
    executor: str = LOCAL
    memory: str | None = None
    """Memory of each process of a batch, such as "4G"; None for a share of the machine."""


class Allocation(NamedTuple):
    """The shares of a study."""

    jobs: int
    """Batches that run at a time, each in a process."""
    cores: int
    """Cores of this machine that batches share, and plots after them."""
    devices: tuple[str, ...] = ()
    """CUDA devices of this machine, such as "cuda:0", each of which has processes of its own; none on the CPU."""
    memory: int | None = None
    """Bytes of each process of a batch; None for no limit."""


def allocate(plan: Plan, resources: Resources) -> Allocation:
    """Return the shares of this machine for a study.

    Without `jobs`, one batch runs at a time on each usable core (affinity and quotas of control groups count), as far
    as their processes fit into the memory of the machine, or of its control group; on CUDA, one batch on each device.
    Cores without a batch of their own become threads of compiled batches.

    Raises: UsageError if jobs, timeout or memory are impossible.
    """
    jobs, timeout = resources.jobs, resources.timeout
    if (jobs is not None and jobs < 1) or (timeout is not None and timeout <= 0):
        raise UsageError(
            f"jobs ({jobs}) and timeout ({timeout}) must be positive; omit them for their defaults"
        )
    limit = None if resources.memory is None else parse_limit(resources.memory)
    devices: tuple[str, ...] = ()
    if plan.device == "cpu":
        cores = jobs or usable_cores()
        jobs = jobs or fitting_processes(limit or expected_bytes(plan))
    else:
        if resources.executor == LOCAL:  # workers on other machines have devices of their own
            devices = cuda_devices(plan.device)
        jobs, cores = jobs or max(1, len(devices)), usable_cores()
    if limit is None and resources.executor == LOCAL:
        limit = default_limit(jobs)
    return Allocation(jobs, cores, devices, limit)


def allocate_shared(plans: Collection[Plan], resources: Resources) -> Allocation:
    """Return the shares of studies that run on the same workers: as many batches as fit for each of the plans.

    Raises: UsageError if jobs, timeout or memory are impossible.
    """
    allocations = [allocate(plan, resources) for plan in plans]
    if not allocations:
        jobs = resources.jobs or 1
        return Allocation(jobs, jobs)
    devices = {device: None for allocation in allocations for device in allocation.devices}
    fewest = min(allocations, key=lambda allocation: allocation.jobs)
    cores = max(allocation.cores for allocation in allocations)
    return fewest._replace(cores=cores, devices=tuple(devices))


def fitting_processes(process_bytes: int) -> int:
    """Return one process for each usable core, as far as processes of this size fit into the available memory."""
    cores = usable_cores()
    return max(1, min(cores, available_bytes() // process_bytes)) if is_supported() else cores


def expected_bytes(plan: Plan) -> int:
    """Return the memory of the process of the largest batch of a plan, as far as the plan determines it.

    It consists of libraries, two workspaces of a step, a block of draws, and the measurements of all trials of the
    batch. `benchbed plan` measures it for the problems and optimizers of the plan.
    """
    measurements = 0
    for pairing in plan.pairings():
        if pairing.fault is not None:
            continue
        problem = pairing.problem
        checkpoints = problem.budget if plan.checkpoints == "all" else len(checkpoint_calls(problem.budget))
        of_trial = TRIAL_BYTES + checkpoints * CHECKPOINT_BYTES + problem.dimension * PARAMETER_BYTES
        trials = max(batch.trials for wave in waves_of(plan, pairing) for batch in wave)
        measurements = max(measurements, trials * of_trial)
    return LIBRARY_BYTES + 2 * WORKSPACE_BYTES + DRAW_BYTES + measurements
