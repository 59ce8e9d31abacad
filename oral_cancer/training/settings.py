"""Checks of the composed settings before any work, and their hash."""

import hashlib
import json
import math
from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig, OmegaConf

from oral_cancer.errors import refuse

WITHOUT_INFLUENCE = ("logger", "callbacks", "store", "study", "data.workers")  # on any figure

# "${each:[m1, m5]}" is "m1,m5": a sweep over the items, as Hydra's sweeper takes it.
OmegaConf.register_new_resolver("each", lambda items: ",".join(map(str, items)), replace=True)
# "${beside:m2,model=convnext_tiny}" is "m2,model=convnext_tiny", and "${beside:m2,}" is "m2".
OmegaConf.register_new_resolver("beside", lambda *parts: ",".join(part for part in parts if part), replace=True)


def _whole(least: int) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: type(value) is int and value >= least), f"a whole number of at least {least}"


def _share(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value < 1


RANGES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "trial": _whole(0),
    "seed": _whole(0),
    "data.folds": _whole(2),
    "data.batch_size": _whole(1),
    "data.eval_batch_size": _whole(1),
    "data.workers": (
        lambda value: value is None or _whole(0)[0](value),
        "null or a whole number of at least 0",
    ),
    "model.image_size": _whole(32),
    "model.supersampling": _whole(1),
    "model.drop_path_rate": (
        lambda value: value is None or _share(value),
        "null or a number from 0 to below 1",
    ),
    "trainer.max_epochs": _whole(1),
}


def resolved(cfg: DictConfig) -> dict[str, Any]:
    """The settings as plain Python, every reference replaced by its value."""
    content = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def check(cfg: DictConfig) -> None:
    """Refuse values that no training can run with, all of them at once.

    Raises:
        UserError: a line for each faulty option, with the allowed range.
    """
    problems = [
        f"{option}={OmegaConf.select(cfg, option)}: must be {allowed}"
        for option, (fits, allowed) in RANGES.items()
        if not fits(OmegaConf.select(cfg, option))
    ]
    folds = cfg.data.folds
    if cfg.fold != "all" and not (type(cfg.fold) is int and type(folds) is int and 0 <= cfg.fold < folds):
        problems.append(f"fold={cfg.fold}: must be a whole number from 0 to data.folds - 1, or all")
    problems += [
        f"{option}={value}: must be a positive finite number"
        for option, value in _learning_rates(resolved(cfg))
        if not (isinstance(value, int | float) and math.isfinite(value) and value > 0)
    ]
    scheduler = cfg.model.scheduler
    if "milestones" in scheduler and len(scheduler.rates) != len(scheduler.milestones) + 1:
        problems.append(
            f"model.scheduler.rates={list(scheduler.rates)}: must be one more than model.scheduler.milestones"
        )
    refuse(problems)


def _learning_rates(content: dict[str, Any]) -> list[tuple[str, Any]]:
    scheduler, optimizer = content["model"]["scheduler"], content["model"]["optimizer"]
    rates = [("model.scheduler.rates", rate) for rate in scheduler.get("rates", [])]
    rates += [(f"model.scheduler.{key}", scheduler[key]) for key in ("max_rate", "factor") if key in scheduler]
    return rates + [(f"model.optimizer.{key}", optimizer[key]) for key in ("lr", "eps") if key in optimizer]


def settings_hash(cfg: DictConfig) -> str:
    """SHA-256 of the resolved settings, leaving out those that cannot change a figure."""
    influential = cfg.copy()
    for option in WITHOUT_INFLUENCE:
        OmegaConf.update(influential, option, None, force_add=True)
    return hashlib.sha256(json.dumps(resolved(influential), sort_keys=True).encode()).hexdigest()
