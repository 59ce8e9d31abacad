"""Hydra launchers that train a study's runs side by side: on this machine, or as an array job of a Slurm cluster.

Both start each run as a process of its own through submitit. Where such a process ends without a word, its run has
failed, and the others go on. Hydra takes launchers from this folder, and from nowhere else.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from types import FrameType
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import BaseSubmititLauncher

from oral_cancer.errors import Interrupted, UserError
from oral_cancer.settings import number_of_ranks
from oral_cancer.training.manifest import read_manifest, write_manifest

Arguments = tuple[list[str], str, int, str, dict[type, Any]]
"""Of `BaseSubmititLauncher.__call__`, which composes and runs one run."""

REPOSITORY = str(Path(__file__).parents[1])
FOREVER = 60 * 24 * 365  # minutes; submitit's local jobs must have a limit
POLL = 10.0  # seconds between two looks at Slurm's queue


class LocalLauncher(BaseSubmititLauncher):  # type: ignore[misc]
    """Runs side by side on this machine, each with its own GPU, or share of one, or of the cores.

    Args:
        submitit_folder: for the runs' logs; %j is a number.
        jobs: runs at once; None is one for each place on a GPU, or a single one where there is no GPU.
        cells_per_gpu: places on each GPU.
    """

    _EXECUTOR = "local"

    def __init__(self, submitit_folder: str, jobs: int | None, cells_per_gpu: int) -> None:
        super().__init__(submitit_folder=submitit_folder)
        self.jobs = jobs
        self.cells_per_gpu = cells_per_gpu

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run every job; never more at once than there are places."""
        import submitit

        assert self.config is not None
        if number_of_ranks(self.config) > 1 and gpus():
            raise UserError("hydra/launcher=local: each run sees one GPU; give trainer.devices=1, or another launcher")
        free: SimpleQueue[dict[str, str]] = SimpleQueue()
        chosen = places(gpus(), self.jobs, self.cells_per_gpu)
        for place in chosen:
            free.put(place)
        executor = submitit.LocalExecutor(folder=self.params["submitit_folder"])
        executor.update_parameters(timeout_min=FOREVER)
        submitting, running = Lock(), set()

        def run(arguments: Arguments) -> JobReturn:
            place = free.get()
            try:
                with submitting:  # what the process starts with is this process's environment
                    job = executor.submit(_Placed(self, place), *arguments)
                    running.add(job)
                job.wait()
                return _outcome(job, self._study, arguments[0])
            finally:
                free.put(place)

        with (
            _environment(OMP_NUM_THREADS=str(max(1, (os.cpu_count() or 1) // len(chosen)))),
            _terminable(),
            ThreadPoolExecutor(len(chosen)) as pool,
        ):
            try:
                return list(pool.map(run, _arguments(job_overrides, initial_job_idx)))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for job in running:
                    job.cancel()
                raise

    @property
    def at_once(self) -> int:
        """Runs that run at once."""
        return len(places(gpus(), self.jobs, self.cells_per_gpu))

    @property
    def _study(self) -> Path:
        assert self.config is not None
        return Path(self.config.hydra.sweep.dir)


class SlurmLauncher(BaseSubmititLauncher):  # type: ignore[misc]
    """Runs as the tasks of an array job; its parameters are those of hydra-submitit-launcher.

    A task that Slurm requeues goes on from its run's last whole epoch.
    """

    _EXECUTOR = "slurm"

    @property
    def at_once(self) -> int:
        """Runs that run at once, as far as the cluster has room for them."""
        return int(self.params["array_parallelism"])

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Submit every job, and wait until none is in the queue any more."""
        import submitit

        if shutil.which("sbatch") is None:
            raise UserError("hydra/launcher=slurm: there is no sbatch here; start on a login node, or choose local")
        assert self.config is not None
        study = Path(self.config.hydra.sweep.dir)
        parameters = {name: value for name, value in self.params.items() if name != "submitit_folder"}
        retries = parameters.pop("max_num_timeout")
        executor = submitit.SlurmExecutor(folder=self.params["submitit_folder"], max_num_timeout=retries)
        executor.update_parameters(**_of_sbatch(parameters))
        arguments = _arguments(job_overrides, initial_job_idx)
        try:
            # A training on several devices ends with the first of its processes that dies: srun reads the latter.
            threads = str(self.params["cpus_per_task"] or 1)
            with _environment(OMP_NUM_THREADS=threads, SLURM_KILL_BAD_EXIT="1"):
                submitted = executor.map_array(self, *zip(*arguments, strict=True))
        except submitit.core.utils.FailedJobError as error:
            raise UserError(f"hydra/launcher=slurm: {' '.join(str(error).split())}; mend hydra.launcher") from error
        jobs = [job.task(0) for job in submitted]  # of several ranks the first, which writes
        array = jobs[0].job_id.partition("_")[0]
        print(
            f"{study.name}: array job {array} of {len(jobs)} runs; logs in {study / '.slurm'}. This process waits for "
            f"them. It may be ended: the runs go on, `scancel {array}` ends them, and `python scripts/report.py "
            f"{study}` then makes tables and page",
            flush=True,
        )
        _wait(jobs, array)
        return [_outcome(job, study, overrides) for job, (overrides, *_) in zip(jobs, arguments, strict=True)]


class _Placed:
    """A run's process in its place: environment variables that must stand before anything looks at them."""

    def __init__(self, launcher: BaseSubmititLauncher, environment: dict[str, str]) -> None:
        self.launcher = launcher
        self.environment = environment

    def __call__(self, *arguments: Any) -> JobReturn:
        os.environ.update(self.environment)
        returned: JobReturn = self.launcher(*arguments)
        return returned


def gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    named = [name.strip() for name in visible.split(",")] if visible else None
    return (named or [str(number) for number in range(torch.cuda.device_count())])[: torch.cuda.device_count()]


def places(devices: Sequence[str], jobs: int | None, cells_per_gpu: int) -> list[dict[str, str]]:
    """Where runs can run at once, as environment variables.

    >>> [place["CUDA_VISIBLE_DEVICES"] for place in places(["0", "1"], None, 2)]
    ['0', '1', '0', '1']
    >>> places([], 2, 1)
    [{}, {}]
    """
    number = jobs or max(1, len(devices) * cells_per_gpu)
    return [{"CUDA_VISIBLE_DEVICES": devices[place % len(devices)]} if devices else {} for place in range(number)]


def _arguments(job_overrides: Sequence[Sequence[str]], first: int) -> list[Arguments]:
    state = Singleton.get_state()
    return [
        (list(overrides), "hydra.sweep.dir", number, f"job_id_for_{number}", state)
        for number, overrides in enumerate(job_overrides, first)
    ]


def _of_sbatch(parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters of the launcher under the names that submitit's Slurm executor has for them."""
    renamed = {"timeout_min": "time", "name": "job_name", "tasks_per_node": "ntasks_per_node"}
    own = {renamed.get(name, name): value for name, value in parameters.items() if value is not None}
    if memory := own.pop("mem_gb", None):
        own["mem"] = f"{memory}GB"
    return own


def _outcome(job: Any, study: Path, overrides: Sequence[str]) -> JobReturn:
    """What a run's process returned; where it returned nothing, the run's manifest says so."""
    from oral_cancer.study.study import job_name  # late: --help imports this module

    name = job_name(study, overrides)
    if name is None:  # of a search, which records what failed
        if not job.paths.result_pickle.exists():  # submitit would ask Slurm's accounting, which may not be there
            fault = UserError(f"its process ended without a word, killed or out of memory: {_log_of(job)}")
            return JobReturn(_return_value=fault, status=JobStatus.FAILED)
        found: JobReturn = job.result()
        return found
    folder = study / name.path
    manifest = read_manifest(folder) or {}
    if manifest.get("status") not in ("complete", "failed"):
        said = f"its process ended without a word, killed or out of memory: {_log_of(job)}"
        manifest |= {"status": "failed", "error": said}
        folder.mkdir(parents=True, exist_ok=True)
        write_manifest(folder, manifest)
    said = f": {manifest.get('error')}" if manifest["status"] == "failed" else ""
    print(f"{study.name}: {name} {manifest['status']}{said}", flush=True)
    return JobReturn(_return_value=None, status=JobStatus.COMPLETED)


def _log_of(job: Any) -> str:
    """The last line that a job's process wrote to standard error, if any, and where the rest is."""
    path = Path(job.paths.stderr)
    lines: list[str] = []
    with suppress(OSError):
        lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return f"{lines[-1].strip()} (log {path})" if lines else f"log {path}"


def _wait(jobs: Sequence[Any], array: str) -> None:
    """Until every job has a result, or has been out of the queue at two looks.

    submitit asks Slurm's accounting, which not every cluster has; the queue is everywhere.
    """
    gone: dict[str, int] = {}
    while waiting := [job for job in jobs if not job.paths.result_pickle.exists() and gone.get(job.job_id, 0) < 2]:
        time.sleep(POLL)
        queued = _queued(array)
        if queued is not None:
            for job in waiting:
                gone[job.job_id] = 0 if job.job_id in queued else gone.get(job.job_id, 0) + 1


def _queued(array: str) -> set[str] | None:
    """The tasks of an array job that wait or run, such as "7_0"; None where Slurm does not answer."""
    command = ["squeue", "--noheader", "--array", "--format=%i", f"--jobs={array}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode and "Invalid job id" not in answer.stderr:
        return None
    return set(answer.stdout.split())


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """What processes started meanwhile find in their environment: this code, and variables that lack so far."""
    lacking = {name: value for name, value in variables.items() if name not in os.environ}
    before = os.environ.get("PYTHONPATH")
    os.environ |= lacking | {"PYTHONPATH": os.pathsep.join([REPOSITORY, *([before] if before else [])])}
    try:
        yield
    finally:
        for name in lacking:
            del os.environ[name]
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM raises meanwhile, so that the runs are ended as well."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Interrupted(signal.Signals(number), "the same command goes on")

    former: Callable[..., Any] | int | None = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
