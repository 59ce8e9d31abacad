"""What a study is to train, frozen at its first start, so that figures of different makings never mix."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from oral_cancer.errors import UserError, refuse
from oral_cancer.files import below, sealed, unsealed, write_text
from oral_cancer.training.run import RunName

FILE = "study.yaml"
FORMAT = 4
"""Of study.yaml: 4 says what is known of each image (data.labelled); 3 leaves out settings that change no figure;
before 2, runs of experiments were cells of models."""
WHEREABOUTS = ("data.source", "data.root")
"""Entries that may change where the images are the very same, which their fingerprint tells."""
PLANNED = "planned"
"""What a plan says of a run, among its entries."""


@dataclass(frozen=True)
class Plan:
    """A study's runs and all that their figures depend on.

    Attributes:
        runs: `experiment`, `fold` and `config_hash` of each, and `seed` and `split_seed` where there are several.
        data: source, fingerprint, number of images and how they were read, the same for all runs.
        weights: by experiment, what its network starts from.
        settings: by experiment, the resolved settings but for the fold, and for seeds of which there are several.
        format: see `FORMAT`.
        private: whether `private=true` was given at a start, see `privacy`; it changes no figure, and may come later.
    """

    runs: list[dict[str, Any]]
    data: dict[str, Any]
    weights: dict[str, str]
    settings: dict[str, dict[str, Any]]
    format: int = FORMAT
    private: bool = False

    @property
    def names(self) -> list[RunName]:
        """The runs' names."""
        return [
            RunName(str(run["experiment"]), run["fold"], run.get("seed"), run.get("split_seed")) for run in self.runs
        ]


def read_plan(folder: Path) -> Plan | None:
    """The plan frozen in a study's folder, or None where there is none.

    Raises:
        UserError: for a file that is no plan.
    """
    path = folder / FILE
    try:
        content = unsealed(yaml.safe_load(path.read_text(encoding="utf-8")))
        if "cells" in content:  # written before
            content["runs"] = [{"experiment": cell["model"]} | cell for cell in content.pop("cells")]
        defaults: dict[str, Any] = {"data": {}, "weights": {}, "settings": {}, "format": 1}
        plan = Plan(**defaults | content)
        strange = [name for name in plan.names if not below(name.path) or RunName.of_path(Path(name.path)) != name]
    except FileNotFoundError:
        return None
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise UserError(
            f"{path} is damaged ({' '.join(str(error).split())}); restore it, or delete it and start the study again: "
            "finished runs stay"
        ) from error
    refuse(
        [
            f"{path}: the experiment {name} is no folder of the study; remove the file to make the tables from the "
            "runs on disk"
            for name in dict.fromkeys(name.experiment for name in strange)
        ]
    )
    return plan


def freeze(folder: Path, plan: Plan) -> None:
    """Write the plan at a study's first start; at a later one insist that it is the same.

    Raises:
        UserError: a line for every difference from the frozen plan; or for one of before.
    """
    frozen = read_plan(folder)
    if frozen is None:
        write_text(folder / FILE, yaml.safe_dump(sealed(asdict(plan)), sort_keys=False))
        return
    if frozen.format != FORMAT:
        raise UserError(
            f"{folder / FILE} was written by a version of before: such a study is reported and predicted from, and not "
            "gone on with; choose another study.name"
        )
    before, now = (
        {key: value for key, value in _flat(asdict(each)) if not key.endswith(("config_hash", "private"))}
        for each in (frozen, plan)
    )
    if differences := [f"{folder / FILE}: {line}" for line in _differences(before, now)]:
        refuse([*differences, f"{folder}: a study does not change; choose another study.name, or the former settings"])
    if plan.private and not frozen.private:
        write_text(folder / FILE, yaml.safe_dump(sealed(asdict(replace(frozen, private=True))), sort_keys=False))


def _differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """In lines; a setting that differs alike in several experiments has one: settings.{m1,m2}.data.batch_size."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for key in dict.fromkeys((*before, *now)):
        if before.get(key) != now.get(key) and key not in WHEREABOUTS:
            of, experiment, setting = key.split(".", 2) if key.startswith("settings.") else (key, "", "")
            said = _difference(key, before, now).removeprefix(key)
            alike.setdefault((of, setting, said), []).append(experiment)
    lines = []
    for (of, setting, said), experiments in alike.items():
        names = experiments[0] if len(experiments) == 1 else "{" + ",".join(experiments) + "}"
        lines.append((f"{of}.{names}.{setting}" if setting else of) + said)
    return lines


def _difference(key: str, before: dict[str, Any], now: dict[str, Any]) -> str:
    if PLANNED in (before.get(key), now.get(key)):
        was, now_is = ("" if key in plan else "not " for plan in (before, now))
        return f"{key} was {was}part of the study, and is {now_is}now"
    return f"{key} was {before.get(key, 'not there')}, now {now.get(key, 'not there')}"


def _flat(content: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(content, dict) and "fold" in content and "experiment" in content and "config_hash" in content:
        seeds = "".join(f" {name} {content[name]}" for name in ("split_seed", "seed") if name in content)
        yield f"run {content['experiment']} fold {content['fold']}{seeds}", PLANNED
    elif isinstance(content, dict):
        for key, value in content.items():
            yield from _flat(value, f"{name}.{key}" if name else str(key))
    elif isinstance(content, list) and content and isinstance(content[0], dict):
        for item in content:
            yield from _flat(item, name)
    else:
        yield name, content
