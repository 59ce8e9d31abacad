"""Hydra launchers that train a study's runs side by side: on this machine, or as an array job of a Slurm cluster.

Each run is a process of its own, from a fork server here, through submitit there. Where such a process ends without a
word, its run has failed, and the others go on. Hydra takes launchers from this folder, and from nowhere else.
"""

import os
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import BaseSubmititLauncher
from omegaconf import DictConfig, open_dict

from oral_cancer.called import command
from oral_cancer.command import described
from oral_cancer.counting import counted
from oral_cancer.errors import Interrupted, UserError
from oral_cancer.settings import number_of_ranks
from oral_cancer.training.manifest import log_of, read_manifest, write_manifest

if TYPE_CHECKING:
    from oral_cancer.study.fork_server import Forked

Arguments = tuple[list[str], str, int, str, dict[type, Any]]
"""Of `BaseSubmititLauncher.__call__`, which composes and runs one run."""

REPOSITORY = str(Path(__file__).parents[1])
POLL = 10.0  # seconds between two looks at Slurm's queue


class LocalLauncher(Launcher):
    """Runs side by side on this machine, each with its own GPU, or share of one, or of the cores.

    Args:
        jobs: runs at once; None is one for each place on a GPU, or a single one where there is no GPU.
        cells_per_gpu: places on each GPU.
    """

    forks = True

    def __init__(self, jobs: int | None, cells_per_gpu: int) -> None:
        self.jobs = jobs
        self.cells_per_gpu = cells_per_gpu

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what a run needs."""
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run every job; never more at once than there are places."""
        from oral_cancer.study.fork_server import Forked
        from oral_cancer.study.monitor import shown

        if number_of_ranks(self.config) > 1 and gpus():
            raise UserError("hydra/launcher=local: each run sees one GPU; give trainer.devices=1, or another launcher")
        study = Path(self.config.hydra.sweep.dir)
        free = places(gpus(), self.jobs, self.cells_per_gpu)
        threads = _threads(len(free))
        waiting = deque(enumerate(job_overrides, initial_job_idx))
        running: dict[Forked, tuple[int, dict[str, str]]] = {}
        returns: dict[int, JobReturn] = {}
        with shown(study), _stoppable(), _ended_with(running):
            while waiting or running:
                while waiting and free:
                    number, overrides = waiting.popleft()
                    place = free.pop()
                    job = partial(self._run, list(overrides), number, Singleton.get_state())
                    running[Forked(job, place | {"OMP_NUM_THREADS": str(threads)}, threads)] = number, place
                for process in Forked.first_to_end(running):
                    number, place = running.pop(process)
                    returns[number] = _outcome(study, job_overrides[number - initial_job_idx], process.result())
                    free.append(place)
        return [returns[number] for number in sorted(returns)]

    def _run(self, overrides: list[str], number: int, singletons: dict[type, Any]) -> JobReturn:
        """Compose and run one job, in a process of its own."""
        Singleton.set_state(singletons)
        setup_globals()
        config = self.hydra_context.config_loader.load_sweep_config(self.config, overrides)
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
        return run_job(
            hydra_context=self.hydra_context,
            task_function=self.task_function,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )

    @property
    def at_once(self) -> int:
        """Runs that run at once."""
        return len(places(gpus(), self.jobs, self.cells_per_gpu))


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

        from oral_cancer.study.monitor import shown

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
            f"{study.name}: array job {array} of {counted(len(jobs), 'run')}; logs in {study / '.slurm'}. This process "
            f"waits. It may be ended: what it started goes on, `scancel {array}` ends it, and "
            f"`{command('report', study)}` then makes tables and page",
            flush=True,
        )
        with shown(study):
            _wait(jobs, array)
            return [
                _outcome(study, overrides, job.result() if job.paths.result_pickle.exists() else None)
                for job, (overrides, *_) in zip(jobs, arguments, strict=True)
            ]


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


def _outcome(study: Path, overrides: Sequence[str], returned: JobReturn | None) -> JobReturn:
    """What became of a job; where its process returned nothing, the run's manifest says so."""
    from oral_cancer.study.study import job_name  # late: --help imports this module

    said = "its process ended without a word, killed or out of memory"
    name = job_name(study, overrides)
    if name is None:  # of a search, which records what failed
        return returned or JobReturn(_return_value=UserError(said), status=JobStatus.FAILED)
    folder = study / name.path
    manifest = read_manifest(folder) or {}
    if manifest.get("status") not in ("complete", "failed"):
        if returned is not None and returned.status == JobStatus.FAILED:
            said = described(returned._return_value)
        folder.mkdir(parents=True, exist_ok=True)
        write_manifest(folder, manifest | {"status": "failed", "error": f"{said}: {_last_line(log_of(folder))}"})
    return JobReturn(_return_value=None, status=JobStatus.COMPLETED)


def _last_line(log: Path) -> str:
    """The last line in a run's log, and where the rest is."""
    lines: list[str] = []
    with suppress(OSError):
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return f"{lines[-1].strip()} (log {log})" if lines else f"log {log}"


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
def _ended_with(running: Iterable["Forked"]) -> Iterator[None]:
    """Let no run outlive what goes on meanwhile: they end in order if it is interrupted."""
    try:
        yield
    except BaseException:
        for process in running:
            process.stop()
        for process in running:
            process.result()
        raise


@contextmanager
def _stoppable() -> Iterator[None]:
    """Ctrl-C and SIGTERM raise meanwhile, so that the runs are ended as well."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Interrupted(signal.Signals(number), "the same command goes on")

    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _threads(places: int) -> int:
    """A run's share of the cores, or what the user's environment says."""
    given = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(given) if given.isdecimal() and int(given) else max(1, (os.cpu_count() or 1) // places)
