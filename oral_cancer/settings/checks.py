"""The composed settings of a training: plain, checked before any work, built, and hashed."""

import ast
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf

from oral_cancer.called import command
from oral_cancer.errors import UserError, brief, refuse
from oral_cancer.quoting import without_references
from oral_cancer.settings.callbacks import faults_of_callbacks
from oral_cancer.settings.refusals import faults_of, options, unknown, without
from oral_cancer.settings.rules import OF_HYDRA, WITHOUT_INFLUENCE
from oral_cancer.settings.trainer_options import refused_options
from oral_cancer.settings.training import Training

LIGHTNING = "pytorch_lightning.Trainer"
CHECKED_BY_CLASS = ("source", "resampling")
"""Sections that are built without any image, and so can be before any work: their classes see what no rule says."""
CHECKED_BY_RULES = "oral_cancer.resampling."
"""Classes that refuse what the rules refuse, and nothing else; with them come slow libraries."""


def resolved(cfg: DictConfig) -> dict[str, Any]:
    """The settings as plain Python, every reference replaced by its value."""
    content = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def check(cfg: DictConfig) -> None:
    """Refuse values that no training can run with, and options that there are not, all of them at once.

    Raises:
        UserError: a line for each fault.
    """
    refuse(faults(cfg))


def faults(cfg: DictConfig) -> list[str]:
    """The lines by which `check` refuses; no image is opened, and no library imported that a network needs."""
    content = resolved(cfg)
    lines = [*faults_of(Training, content), *_unknown_to_lightning(content)]
    told = {line.partition("=")[0] for line in lines}
    more = [*refused_options(content), *faults_of_callbacks(content)]
    lines += [line for line in more if line.partition("=")[0] not in told]
    for group in CHECKED_BY_CLASS:
        target = str((content.get(group) or {}).get("_target_"))
        if not target.startswith(CHECKED_BY_RULES) and not any(re.match(rf"{group}\b", line) for line in lines):
            try:
                build(cfg, group)
            except UserError as refused:
                lines += refused.lines
    return lines


def _unknown_to_lightning(content: Mapping[str, Any]) -> list[str]:
    """A line for each option of Lightning's trainer that it does not take."""
    trainer = content.get("trainer") or {}
    if trainer.get("_target_") != LIGHTNING:
        return []
    known = _options_of_lightning()
    options_of_all = [*(f"trainer.{name}" for name in known), *options(Training)]
    return [
        unknown(f"trainer.{name}", options_of_all) for name in trainer if name not in known and name not in OF_HYDRA
    ]


@cache
def _options_of_lightning() -> tuple[str, ...]:
    """What Lightning's trainer takes, by its source, as it imports slowly."""
    package = find_spec("pytorch_lightning")
    assert package is not None
    assert package.origin is not None
    module = ast.parse(Path(package.origin).with_name("trainer").joinpath("trainer.py").read_bytes())
    (start,) = (one for one in ast.walk(module) if isinstance(one, ast.FunctionDef) and one.name == "__init__")
    return tuple(argument.arg for argument in (*start.args.args[1:], *start.args.kwonlyargs))


def number_of_ranks(cfg: DictConfig) -> int:
    """Devices that one training runs on, each with a process of its own."""
    devices = cfg.trainer.devices
    return int(cfg.trainer.num_nodes) * (1 if isinstance(devices, ListConfig) else int(devices))


def build(cfg: DictConfig, group: str, **arguments: Any) -> Any:
    """What the `_target_` of a config group makes of its settings and `arguments`.

    Raises:
        UserError: for whatever it raises, since the group's settings made it.
    """
    try:
        own = without_references(OmegaConf.to_container(cfg[group], resolve=True))
        return instantiate(without_references(own), _partial_=True)(**arguments)  # which resolves references twice
    except UserError:
        raise
    except Exception as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from error
        said = brief(error)
        where = said if said.startswith(f"{group}") else f"{group}: {said}"
        shows = command("train", "--cfg", "job", "--package", group)
        raise UserError(f"{where}; `{shows}` shows the settings") from error


def influential(cfg: DictConfig) -> dict[str, Any]:
    """The settings as plain Python, leaving out those that change no figure."""
    return influential_of(resolved(cfg))


def influential_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """As `influential`, of settings that are plain already."""
    return without(WITHOUT_INFLUENCE, Training, settings)


def settings_hash(cfg: DictConfig) -> str:
    """SHA-256 of the settings that a figure may depend on."""
    return hashlib.sha256(json.dumps(influential(cfg), sort_keys=True).encode()).hexdigest()
