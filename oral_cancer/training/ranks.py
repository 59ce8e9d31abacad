"""One training on several devices: a process for each, called rank; the first one writes.

On this machine the ranks are started by PyTorch's elastic agent, that of torchrun, which ends all of them when one
dies and passes its error on. Under Slurm, and under torchrun itself, every rank is there already.
"""

import logging
import os
import signal
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pandas as pd
import torch
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from omegaconf import DictConfig
from pytorch_lightning import Trainer
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure, record
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from oral_cancer.errors import Interrupted, UserError
from oral_cancer.settings import number_of_ranks
from oral_cancer.training.folder import RunFolder, record_failure
from oral_cancer.training.run import Run

Training = Callable[[Run, Mapping[str, str]], pd.DataFrame]


class RankError(RuntimeError):
    """A rank has died, and the training with it."""


def must_be_started(cfg: DictConfig) -> bool:
    """Whether a training has several ranks, and this process is none of them."""
    return number_of_ranks(cfg) > 1 and not _is_rank()


def is_first() -> bool:
    """Whether this process is the one that writes: of a single rank, or the first of several."""
    return not _is_rank() or os.environ.get("RANK", os.environ.get("SLURM_PROCID")) == "0"


def start(train: Training, run: Run, expected: Mapping[str, str]) -> pd.DataFrame:
    """Train in as many processes as there are devices, and wait for them.

    Args:
        train: what each rank does.
        run: what is trained.
        expected: as for `train`.

    Returns:
        What `train` returns on the first rank.

    Raises:
        UserError: that a rank raised; or for several machines, on which nothing can be started from here.
        RankError: for the rank that died first, with its traceback as a note.
        Interrupted: on Ctrl-C or SIGTERM, once the ranks have ended.
    """
    trainer = run.settings.trainer
    if trainer.num_nodes > 1:
        raise UserError(f"trainer.num_nodes={trainer.num_nodes}: several machines need hydra/launcher=slurm")
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # what it reports is raised here
    agent = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=trainer.devices,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
    )
    try:
        results = elastic_launch(agent, _rank)(train, run, dict(expected))
    except SignalException as stop:
        raise Interrupted(signal.Signals(stop.sigval), run.how_to_go_on) from None
    except ChildFailedError as error:
        cause = _cause(*error.get_first_failure())
        if isinstance(cause, RankError):
            record_failure(run, str(cause))
        raise cause from None
    first: pd.DataFrame = results[0]
    return first


@record
def _rank(train: Training, run: Run, expected: Mapping[str, str]) -> pd.DataFrame:
    return train(run, expected)


def _cause(rank: int, failure: ProcessFailure) -> Exception:
    said = failure.message
    if not isinstance(said, dict):  # it left none: killed
        return RankError(f"rank {rank}: {said or f'exit code {failure.exitcode}'}")
    kind, _, text = str(said["message"]).partition(": ")
    if kind == UserError.__name__:
        return UserError(*text.splitlines())
    error = RankError(f"rank {rank}: {kind}: {text}")
    error.add_note(said["extraInfo"]["py_callstack"])
    return error


def _is_rank() -> bool:
    by_slurm = int(os.environ.get("SLURM_NTASKS", 1)) > 1 and SLURMEnvironment.detect()
    return TorchElasticEnvironment.detect() or by_slurm


@contextmanager
def led_by_first(trainer: Trainer, take: Callable[[], AbstractContextManager[RunFolder]]) -> Iterator[RunFolder]:
    """Let the first rank take the run's folder; the others learn from it what it found there."""
    if trainer.world_size > 1:
        trainer.strategy.setup_environment()  # from here on the ranks can talk
    if trainer.is_global_zero:
        with take() as folder:
            trainer.strategy.broadcast(folder)
            yield folder
    else:
        found: Any = trainer.strategy.broadcast(None)
        yield found


def interleaved(own: torch.Tensor, trainer: Trainer) -> torch.Tensor:
    """The rows of all ranks, where each has every `world_size`-th row, from its own number on.

    Args:
        own: this rank's rows, (M, C); some ranks may have one row less than others.
        trainer: knows the ranks.

    Returns:
        (N, C) on the CPU, the same on every rank.
    """
    own = own.cpu()
    if trainer.world_size == 1:
        return own
    shares: list[Any] = [None] * trainer.world_size
    torch.distributed.all_gather_object(shares, own)
    whole = own.new_empty((sum(map(len, shares)), *shares[0].shape[1:]))  # others may have none
    for rank, share in enumerate(shares):
        whole[rank :: trainer.world_size] = share
    return whole
