"""Lightning's trainer of a run, and the callbacks beside it."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

import torch
from hydra.utils import get_method, get_object, instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import (
    BackboneFinetuning,
    BatchSizeFinder,
    DeviceStatsMonitor,
    LearningRateFinder,
    LearningRateMonitor,
    ModelCheckpoint,
    ModelPruning,
    ProgressBar,
    RichModelSummary,
    StochasticWeightAveraging,
    ThroughputMonitor,
    WeightAveraging,
)
from pytorch_lightning.plugins import AsyncCheckpointIO
from pytorch_lightning.profilers import AdvancedProfiler, PyTorchProfiler, SimpleProfiler

from oral_cancer.command import brief
from oral_cancer.data.augmentation import trains_on_cuda
from oral_cancer.errors import UserError, refuse
from oral_cancer.models.classifier import OF_VALIDATION
from oral_cancer.settings import build, number_of_ranks, resolved
from oral_cancer.training.batch_norm import SyncBatchNorm
from oral_cancer.training.callbacks import EndState, History, LastEpoch, SeedEachStep
from oral_cancer.training.loggers import no_logger
from oral_cancer.training.manifest import CHECKPOINT
from oral_cancer.training.run import Run

SEARCH = "hparams_search=optuna searches"
UNFIT: dict[type[Callback], str] = {
    BackboneFinetuning: "wants a network of two parts; leave it out",
    BatchSizeFinder: f"changes what the settings say; set data.batch_size, for which {SEARCH}",
    LearningRateFinder: f"changes what the settings say; set model.scheduler, for which {SEARCH}",
    ModelPruning: "takes weights of another memory layout than this network's; leave it out",
    StochasticWeightAveraging: "trains an epoch more than trainer.max_epochs; EMAWeightAveraging averages within them",
}
"""Callbacks that no run can have, and why."""
NEED_LOGGER = (DeviceStatsMonitor, LearningRateMonitor, ThroughputMonitor)
PROFILERS = {"simple": SimpleProfiler, "advanced": AdvancedProfiler, "pytorch": PyTorchProfiler}


def check_callbacks(cfg: DictConfig, validated: Sequence[str] | None = None) -> None:
    """Refuse callbacks that cannot work.

    Args:
        cfg: the settings of a training.
        validated: the figures of validation that there are images for; None where that is not known yet.

    Raises:
        UserError: a line for each fault.
    """
    _callbacks(cfg, validated)


def build_trainer(run: Run, *more: Callback) -> Trainer:
    """Lightning's trainer, with what every training needs beside the configured callbacks; it has no logger yet."""
    cfg, folder = run.settings, run.folder
    settings = resolved(cfg)["trainer"]
    chosen = _callbacks(cfg)
    for callback in chosen:
        if isinstance(callback, ModelCheckpoint) and callback.dirpath is None:
            callback.dirpath = str((folder / CHECKPOINT).parent.resolve())
    if settings.get("enable_progress_bar") is False:
        chosen = [callback for callback in chosen if not isinstance(callback, ProgressBar)]
    if settings.get("enable_model_summary"):
        chosen.append(RichModelSummary())
    on_gpu = trains_on_cuda(settings["accelerator"])
    if settings["precision"] == "auto":
        bf16 = on_gpu and torch.cuda.is_bf16_supported(including_emulation=False)
        settings["precision"] = "bf16-mixed" if bf16 else "32-true"
    settings |= {
        "default_root_dir": str(folder),
        "enable_progress_bar": any(isinstance(callback, ProgressBar) for callback in chosen),
        "logger": False,
    }
    objects: dict[str, Any] = {
        "callbacks": [*_callbacks_of_every_run(run), *more, *chosen, EndState(folder / CHECKPOINT)],
        "plugins": [AsyncCheckpointIO(), *([SyncBatchNorm(on_gpu)] if number_of_ranks(cfg) > 1 else [])],
    }
    if isinstance(profiler := settings.get("profiler"), str):
        objects["profiler"] = PROFILERS[profiler](dirpath=str(folder), filename="profile")
    # Deterministic algorithms would fill every new tensor first, a quarter of a step on a CPU; no result needs it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    plain = OmegaConf.create({"trainer": settings | {"_convert_": "all"}})
    trainer: Trainer = build(plain, "trainer", **objects)
    if trainer.gradient_clip_val is not None and "mixed" in trainer.precision and cfg.model.optimizer.get("fused"):
        raise UserError(
            f"trainer.gradient_clip_val={trainer.gradient_clip_val}: a fused optimiser in {trainer.precision} clips "
            "nothing; give model.optimizer.fused=false"
        )
    if cfg.model.get("compile"):
        _insist_on_compiler(trainer.strategy.root_device)
    return trainer


def _callbacks_of_every_run(run: Run) -> list[Callback]:
    checkpoint = LastEpoch(
        (run.folder / CHECKPOINT).parent,
        filename=CHECKPOINT.stem,
        enable_version_counter=False,
        save_on_train_epoch_end=True,  # whether it is validated or not
    )
    return [SeedEachStep(run.seed), History(run.folder / "history.csv"), checkpoint]


def _callbacks(cfg: DictConfig, validated: Sequence[str] | None = None) -> list[Callback]:
    """The configured callbacks, none of which must fail for a reason that is known before a training."""
    chosen: dict[str, Any] = {}
    problems = []
    for name, settings in (cfg.get("callbacks") or {}).items():
        if settings is None:
            continue
        try:
            chosen[name] = instantiate(settings)
        except Exception as error:  # whatever its class raises
            problems.append(f"callbacks.{name}: {brief(error.__cause__ or error)}; see the callback's documentation")
    problems += [f"callbacks.{name}: {said}" for name in chosen for said in _problems(chosen[name], cfg, validated)]
    bars = [name for name, callback in chosen.items() if isinstance(callback, ProgressBar)]
    if len(bars) > 1:
        problems.append(f"callbacks.{bars[1]}: there is a progress bar already; give callbacks.{bars[0]}=null")
    refuse(problems)
    return list(chosen.values())


def _problems(callback: Any, cfg: DictConfig, validated: Sequence[str] | None) -> list[str]:
    kind = type(callback).__name__
    if not isinstance(callback, Callback):
        return [f"{kind} is no callback of Lightning's; leave it out"]
    problems = [f"{kind} {said}" for refused, said in UNFIT.items() if isinstance(callback, refused)]
    if isinstance(callback, NEED_LOGGER) and get_method(cfg.logger._target_) is no_logger:
        problems.append(f"{kind} needs a logger; give logger=csv, tensorboard or wandb, or leave it out")
    if isinstance(callback, WeightAveraging) and cfg.model.recalibrate:
        problems.append(f"{kind} averages after batch norm is recalibrated; give model.recalibrate=false")
    if isinstance(callback, ModelCheckpoint) and (callback.save_last or callback.filename == CHECKPOINT.stem):
        problems.append(f"{CHECKPOINT} is the run's own; give another filename, and no save_last")
    monitor = getattr(callback, "monitor", None)
    if monitor is not None and monitor not in (measured := _measured(cfg, validated)):
        problems.append(
            f"monitor={monitor}: nothing of this name is measured; "
            f"{_meant(str(monitor).replace('/', '_'), measured)}choose {', '.join(measured)}"
        )
    return problems


def _meant(name: str, known: Iterable[str]) -> str:
    guess = get_close_matches(name, known, n=1)
    return f"did you mean {guess[0]}? " if guess else ""


def _measured(cfg: DictConfig, validated: Sequence[str] | None) -> tuple[str, ...]:
    """The names of the figures that a callback can monitor."""
    measured: tuple[str, ...] = get_object(cfg.model._target_).MEASURED
    if cfg.trainer.get("limit_val_batches") == 0:
        return tuple(name for name in measured if not name.startswith("val_"))
    missing = set(OF_VALIDATION) - set(OF_VALIDATION if validated is None else validated)
    return tuple(name for name in measured if name not in missing)


def _insist_on_compiler(device: torch.device) -> None:
    """Raise a `UserError` where `model.compile=true` cannot work, e.g. for want of a C++ compiler."""
    try:
        torch.compile(torch.neg)(torch.zeros(1, device=device))
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        remedy = "install what lacks, or give model.compile=false"
        raise UserError(f"model.compile: nothing can be compiled here ({reason}); {remedy}") from error
