"""Lightning's trainer of a run, and the callbacks beside it."""

from functools import partial
from typing import Any

import torch
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint, ProgressBar, RichModelSummary
from pytorch_lightning.plugins import AsyncCheckpointIO
from pytorch_lightning.profilers import AdvancedProfiler, PyTorchProfiler, SimpleProfiler

from oral_cancer.command import brief
from oral_cancer.data.augmentation import trains_on_cuda
from oral_cancer.errors import UserError, refuse
from oral_cancer.settings import build, number_of_ranks, resolved
from oral_cancer.settings.callbacks import Told, callback_faults, measurable
from oral_cancer.training.averaging import MovingAverage
from oral_cancer.training.batch_norm import SyncBatchNorm
from oral_cancer.training.callbacks import EndState, History, LastEpoch, SeedEachStep
from oral_cancer.training.manifest import CHECKPOINT
from oral_cancer.training.run import Run

PROFILERS = {"simple": SimpleProfiler, "advanced": AdvancedProfiler, "pytorch": PyTorchProfiler}


def build_callbacks(cfg: DictConfig) -> list[Callback]:
    """The configured callbacks.

    Raises:
        UserError: a line for each that would fail for a reason that is known before a training.
    """
    chosen: dict[str, Any] = {}
    problems = []
    for name, settings in (cfg.get("callbacks") or {}).items():
        if settings is None:
            continue
        try:
            chosen[name] = instantiate(settings)
        except Exception as error:  # whatever its class raises
            problems.append(f"callbacks.{name}: {brief(error.__cause__ or error)}; see the callback's documentation")
            continue
        if not isinstance(chosen[name], Callback):
            kind = type(chosen.pop(name)).__name__
            problems.append(f"callbacks.{name}: {kind} is no callback of Lightning's; leave it out")
    told = {
        name: Told(tuple(kind.__name__ for kind in type(one).__mro__), partial(_attribute, one))
        for name, one in chosen.items()
    }
    known = measurable(cfg, measured=get_object(cfg.model._target_).MEASURED)
    refuse([*problems, *callback_faults(told, cfg, known)])
    return list(chosen.values())


def _attribute(callback: Callback, option: str) -> Any:
    return getattr(callback, option, None)


def build_trainer(run: Run, *more: Callback) -> Trainer:
    """Lightning's trainer, with what every training needs beside the configured callbacks; it has no logger yet."""
    cfg, folder = run.settings, run.folder
    settings = resolved(cfg)["trainer"]
    chosen = build_callbacks(cfg)
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
    torch.backends.cudnn.allow_tf32 = False  # by which convolutions of 32 bits would be rounded to 10
    settings |= {
        "default_root_dir": str(folder),
        "enable_progress_bar": any(isinstance(callback, ProgressBar) for callback in chosen),
        "logger": False,
    }
    objects: dict[str, Any] = {
        "callbacks": [
            *_callbacks_of_every_run(run),
            *([] if cfg.model.get("ema") is None else [MovingAverage(cfg.model.ema, on_gpu)]),
            *more,
            *chosen,
            EndState(folder / CHECKPOINT),
        ],
        "plugins": [AsyncCheckpointIO(), *([SyncBatchNorm(on_gpu)] if number_of_ranks(cfg) > 1 else [])],
    }
    if isinstance(profiler := settings.get("profiler"), str):
        objects["profiler"] = PROFILERS[profiler](dirpath=str(folder), filename="profile")
    # Deterministic algorithms would fill every new tensor first, a quarter of a step on a CPU; no result needs it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    plain = OmegaConf.create({"trainer": settings | {"_convert_": "all"}})
    trainer: Trainer = build(plain, "trainer", **objects)
    fused = OmegaConf.select(cfg, "model.optimizer.fused")
    if trainer.gradient_clip_val is not None and "mixed" in trainer.precision and fused:
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


def _insist_on_compiler(device: torch.device) -> None:
    """Raise a `UserError` where `model.compile=true` cannot work, e.g. for want of a C++ compiler."""
    try:
        torch.compile(torch.neg)(torch.zeros(1, device=device))
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        remedy = "install what lacks, or give model.compile=false"
        raise UserError(f"model.compile: nothing can be compiled here ({reason}); {remedy}") from error
