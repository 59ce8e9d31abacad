"""Checks of the composed settings before any work, and their hash."""

import hashlib
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict

from oral_cancer.command import brief
from oral_cancer.errors import UserError, refuse
from oral_cancer.spreadsheets import is_formula
from oral_cancer.trainer_options import refused_options

SEEDS = 2**32 - 1  # the largest that NumPy takes
WITHOUT_INFLUENCE = (
    "name",
    "logger",
    "callbacks",
    "store",
    "study",
    "launcher",
    "data.workers",
    "trust",
    "keep_optimizer",
)
"""Options that change no figure."""
UNKNOWN_BEFORE = ("trust", "keep_optimizer")  # of these: not there when the hash was first taken of settings
SILENT: dict[str, Any] = {"range": None, "channels": None, "plane": None, "leave_out": []}
"""Options of a source at which it does what it did before it had them, and the settings have the hash of then."""

# "${each:[m1, m5]}" is "m1,m5": a sweep over the items, as Hydra's sweeper takes it.
OmegaConf.register_new_resolver("each", lambda items: ",".join(map(str, items)), replace=True)
# "${mode:hydra_plugins...SlurmLauncher}" is MULTIRUN; with Hydra's own launcher -m decides.
OmegaConf.register_new_resolver(
    "mode", lambda launcher: None if launcher.endswith(".BasicLauncher") else "MULTIRUN", replace=True
)


def _whole(least: int, most: int | None = None) -> tuple[Callable[[Any], bool], str]:
    allowed = f"a whole number of at least {least}" if most is None else f"a whole number from {least} to {most}"
    return (lambda value: type(value) is int and least <= value <= (value if most is None else most)), allowed


def _share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[^./\\\s][^/\\\x00-\x1f]*", value) is not None


def _image_sets(value: Any) -> bool:
    sets = list(value) if isinstance(value, ListConfig) else []
    return 0 < len(set(sets)) == len(sets) and set(sets) <= {"homo", "hetero"}


ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps")
PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true", "64-true")
GROUPS = ("data", "source", "resampling", "model", "augmentation", "trainer", "logger")
NAME = (_is_name, "a name that a folder can have: not empty, no slash, no dot or space at its start")
IN_TABLES = (
    lambda value: _is_name(value) and not is_formula(value),
    f"{NAME[1]}, nor =, +, - or @, which a spreadsheet would take for a formula",
)
RANGES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": (lambda value: value is None or IN_TABLES[0](value), f"null or {IN_TABLES[1]}"),
    "study.name": NAME,
    "store": (lambda value: isinstance(value, str) and value != "", "a folder"),
    "keep_optimizer": (lambda value: isinstance(value, bool | None), "true or false"),  # null in records of before
    "trial": _whole(0, SEEDS),
    "seed": _whole(0, SEEDS),
    "data.train_sets": (_image_sets, "[homo], [hetero] or [homo, hetero]"),
    "data.folds": _whole(2),
    "data.batch_size": _whole(1),
    "data.eval_batch_size": (
        lambda value: value is None or _whole(1)[0](value),
        "null or a whole number of at least 1",
    ),
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
    "model.weights": (
        lambda value: isinstance(value, str) and (value in ("auto", "imagenet", "none") or Path(value).is_file()),
        "auto, imagenet, none or an existing file",
    ),
    "trainer.accelerator": (lambda value: value in ACCELERATORS, f"one of {', '.join(ACCELERATORS)}"),
    "trainer.precision": (lambda value: value in PRECISIONS, f"one of {', '.join(PRECISIONS)}"),
    "trainer.max_epochs": _whole(1),
    "trainer.num_nodes": _whole(1),
    "trainer.compile": (lambda value: isinstance(value, bool), "true or false"),
    "launcher.jobs": (lambda value: value is None or _whole(1)[0](value), "null or a whole number of at least 1"),
    "launcher.cells_per_gpu": _whole(1),
    "trainer.devices": (
        lambda value: (
            _whole(1)[0](value) or (isinstance(value, ListConfig) and len(value) == 1 and _whole(0)[0](value[0]))
        ),
        "a whole number of at least 1, or the number of one GPU in brackets, such as [3]",
    ),
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
    refuse([f"{group}: a choice is needed: {group}=..." for group in GROUPS if not cfg.get(group)])
    problems = [
        f"{option}={OmegaConf.select(cfg, option)}: must be {allowed}"
        for option, (fits, allowed) in RANGES.items()
        if not fits(OmegaConf.select(cfg, option))
    ]
    folds = cfg.data.folds if RANGES["data.folds"][0](cfg.data.folds) else math.inf
    if cfg.fold != "all" and not (type(cfg.fold) is int and 0 <= cfg.fold < folds):
        problems.append(f"fold={cfg.fold}: must be a whole number from 0 to data.folds - 1, or all")
    problems += _optimisation_problems(resolved(cfg)["model"])
    problems += _augmentation_problems(resolved(cfg)["augmentation"])
    problems += refused_options(resolved(cfg)["trainer"], resolved(cfg)["model"]["weights"])
    refuse(problems)
    refuse(_undivided(cfg))
    for group in ("source", "resampling"):
        build(cfg, group)  # they check their own options


def number_of_ranks(cfg: DictConfig) -> int:
    """Devices that one training runs on, each with a process of its own."""
    devices = cfg.trainer.devices
    return int(cfg.trainer.num_nodes) * (1 if isinstance(devices, ListConfig) else int(devices))


def _undivided(cfg: DictConfig) -> list[str]:
    ranks = number_of_ranks(cfg)
    if ranks > 1 and not cfg.trainer.get("strategy"):
        option = "devices" if cfg.trainer.num_nodes == 1 else "num_nodes"
        value = cfg.trainer[option]
        return [f"trainer.{option}={value}: must be 1 with this trainer; trainer=ddp trains on several devices"]
    if cfg.data.batch_size % ranks:
        return [f"data.batch_size={cfg.data.batch_size}: must be a multiple of the {ranks} devices that share it"]
    return []


def build(cfg: DictConfig, group: str, **arguments: Any) -> Any:
    """What the `_target_` of a config group makes of its settings and `arguments`.

    Raises:
        UserError: for whatever it raises, since the group's settings made it.
    """
    try:
        return instantiate(cfg[group], _partial_=True)(**arguments)
    except UserError:
        raise
    except Exception as error:
        said = brief(error)
        where = said if said.startswith(f"{group}") else f"{group}: {said}"
        raise UserError(f"{where}; `python train.py --cfg job --package {group}` shows the settings") from error


def _optimisation_problems(model: dict[str, Any]) -> list[str]:
    scheduler, optimizer = model["scheduler"], model["optimizer"]
    rates, milestones = scheduler.get("rates", []), scheduler.get("milestones", [])
    if not isinstance(rates, list):
        return [f"model.scheduler.rates={rates}: must be a list of positive finite numbers"]
    if not (isinstance(milestones, list) and all(map(_whole(0)[0], milestones)) and milestones == sorted(milestones)):
        return [f"model.scheduler.milestones={milestones}: must be a list of whole numbers of at least 0, none falling"]
    values = [("model.scheduler.rates", rate) for rate in rates]
    values += [(f"model.scheduler.{key}", scheduler[key]) for key in ("max_rate", "factor") if key in scheduler]
    values += [(f"model.optimizer.{key}", optimizer[key]) for key in ("lr", "eps") if key in optimizer]
    problems = [
        f"{option}={value}: must be a positive finite number"
        for option, value in values
        if not (type(value) in (int, float) and math.isfinite(value) and value > 0)
    ]
    betas = optimizer.get("betas", [0, 0])
    if not (isinstance(betas, list) and len(betas) == 2 and all(map(_share, betas))):
        problems.append(f"model.optimizer.betas={betas}: must be two numbers from 0 to below 1, such as [0.9, 0.999]")
    if not isinstance(fused := optimizer.get("fused"), bool | None):
        problems.append(f"model.optimizer.fused={fused}: must be true, false or null")
    if "milestones" in scheduler and len(rates) != len(milestones) + 1:
        problems.append(f"model.scheduler.rates={rates}: must be one more than model.scheduler.milestones")
    return problems


def _augmentation_problems(settings: dict[str, Any], group: str = "augmentation") -> list[str]:
    """Of the augmentation in batches, which may be one of two to choose from."""
    if "gpu" in settings:
        return _augmentation_problems(settings["gpu"], f"{group}.gpu")
    if not str(settings.get("_target_")).endswith(".BatchAugmentation"):
        return []

    def number(value: Any, least: float, most: float) -> bool:
        return type(value) in (int, float) and least <= value <= most

    degrees = settings["degrees"]
    angles = isinstance(degrees, list) and len(degrees) == 2 and all(number(angle, -360, 360) for angle in degrees)
    fits = {
        "degrees": (angles and degrees[0] <= degrees[1], "a lower and a higher angle, from -360 to 360"),
        "fill": (number(settings["fill"], 0, 255), "a grey level from 0 to 255"),
        "horizontal_flip": (number(settings["horizontal_flip"], 0, 1), "a probability from 0 to 1"),
        "vertical_flip": (number(settings["vertical_flip"], 0, 1), "a probability from 0 to 1"),
    }
    return [
        f"{group}.{name}={settings[name]}: must be {allowed}" for name, (right, allowed) in fits.items() if not right
    ]


def settings_hash(cfg: DictConfig) -> str:
    """SHA-256 of the resolved settings, leaving out those that cannot change a figure."""
    influential = cfg.copy()
    for option in WITHOUT_INFLUENCE:
        OmegaConf.update(influential, option, None, force_add=True)
    with open_dict(influential):
        for option in UNKNOWN_BEFORE:
            del influential[option]
        for option, silent in SILENT.items():
            if influential.source.get(option, silent) == silent:
                influential.source.pop(option, None)
    return hashlib.sha256(json.dumps(resolved(influential), sort_keys=True).encode()).hexdigest()
