"""Lightning's trainer of a run, and the callbacks beside it."""

from difflib import get_close_matches
from inspect import signature
from typing import Any

import torch
from hydra.utils import get_method, get_object, instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import (
    BatchSizeFinder,
    DeviceStatsMonitor,
    LearningRateFinder,
    LearningRateMonitor,
    ModelCheckpoint,
    ProgressBar,
    RichModelSummary,
)
from pytorch_lightning.plugins import AsyncCheckpointIO
from pytorch_lightning.profilers import AdvancedProfiler, PyTorchProfiler, SimpleProfiler

from oral_cancer.command import brief
from oral_cancer.data.augmentation import trains_on_cuda
from oral_cancer.errors import UserError, refuse
from oral_cancer.settings import build, number_of_ranks, resolved
from oral_cancer.training.batch_norm import SyncBatchNorm
from oral_cancer.training.callbacks import EndState, History, SeedEachStep
from oral_cancer.training.loggers import no_logger
from oral_cancer.training.manifest import CHECKPOINT
from oral_cancer.training.run import Run

PROFILERS = {"simple": SimpleProfiler, "advanced": AdvancedProfiler, "pytorch": PyTorchProfiler}


def check_trainer(cfg: DictConfig) -> None:
    """Refuse options that the trainer does not take, and callbacks that cannot work.

    No trainer is built for it: its devices may be another machine's.

    Raises:
        UserError: a line for each fault.
    """
    _insist_on_known_options(cfg)
    _callbacks(cfg)


def build_trainer(run: Run, *more: Callback) -> Trainer:
    """Lightning's trainer, with what every training needs beside the configured callbacks; it has no logger yet."""
    cfg, folder = run.settings, run.folder
    _insist_on_known_options(cfg)
    settings = resolved(cfg)["trainer"]
    del settings["compile"]  # ours, not Lightning's
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
    if cfg.trainer.compile:
        _insist_on_compiler(trainer.strategy.root_device)
    return trainer


def _insist_on_known_options(cfg: DictConfig) -> None:
    given = {name: None for name in cfg.trainer if not name.startswith("_") and name != "compile"}
    try:
        signature(get_method(cfg.trainer._target_)).bind_partial(**given)
    except TypeError as error:
        shown = "`python train.py --cfg job --package trainer` shows the settings"
        raise UserError(f"trainer: {error}; {shown}") from error


def _callbacks_of_every_run(run: Run) -> list[Callback]:
    checkpoint = ModelCheckpoint(
        (run.folder / CHECKPOINT).parent,
        filename=CHECKPOINT.stem,
        enable_version_counter=False,
        save_on_train_epoch_end=True,  # whether it is validated or not
    )
    return [SeedEachStep(run.seed), History(run.folder / "history.csv"), checkpoint]


def _callbacks(cfg: DictConfig) -> list[Callback]:
    """The configured callbacks, none of which must fail for a reason that is known before a training."""
    chosen: dict[str, Callback] = {}
    problems = []
    for name, settings in (cfg.get("callbacks") or {}).items():
        option = f"callbacks.{name}"
        try:
            chosen[name] = instantiate(settings)
        except Exception as error:  # whatever its class raises
            problems.append(f"{option}: {brief(error.__cause__ or error)}; see the callback's own documentation")
            continue
        problems += [f"{option}: {said}" for said in _problems(chosen[name], cfg)]
    refuse(problems)
    return list(chosen.values())


def _problems(callback: Any, cfg: DictConfig) -> list[str]:
    kind = type(callback).__name__
    if not isinstance(callback, Callback):
        return [f"{kind} is no callback of Lightning's; leave it out"]
    if isinstance(callback, BatchSizeFinder | LearningRateFinder):
        return [
            f"{kind} changes what the settings say; set data.batch_size and model.scheduler, or search for the best by "
            "hparams_search=optuna"
        ]
    if isinstance(callback, LearningRateMonitor | DeviceStatsMonitor) and (
        get_method(cfg.logger._target_) is no_logger
    ):
        return [f"{kind} needs a logger; give logger=csv, tensorboard or wandb, or leave it out"]
    problems = []
    if isinstance(callback, ModelCheckpoint) and (callback.save_last or callback.filename == CHECKPOINT.stem):
        problems.append(f"{CHECKPOINT} is the run's own; give another filename, and no save_last")
    monitor = getattr(callback, "monitor", None)
    measured = _measured(cfg)
    if monitor is not None and monitor not in measured:
        guess = get_close_matches(str(monitor).replace("/", "_"), measured, n=1)
        meant = f"did you mean {guess[0]}? " if guess else ""
        problems.append(f"monitor={monitor}: nothing of this name is measured; {meant}choose {', '.join(measured)}")
    return problems


def _measured(cfg: DictConfig) -> tuple[str, ...]:
    """The names of the figures that a callback can monitor."""
    measured: tuple[str, ...] = get_object(cfg.model._target_).MEASURED
    validates = cfg.trainer.get("limit_val_batches") != 0
    return tuple(name for name in measured if validates or not name.startswith("val_"))


def _insist_on_compiler(device: torch.device) -> None:
    """Raise a `UserError` where `trainer.compile=true` cannot work, e.g. for want of a C++ compiler."""
    try:
        torch.compile(torch.neg)(torch.zeros(1, device=device))
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        remedy = "install what lacks, or give trainer.compile=false"
        raise UserError(f"trainer.compile: nothing can be compiled here ({reason}); {remedy}") from error
