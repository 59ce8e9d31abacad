"""What the verb `clean` removes: files that nothing needs any more, once they have been shown.

| what | is needed as long as |
|---|---|
| image store | a run or a plan names its images, their size and how they are read; and its format is this version's |
| W&B folder | it is not synced, and its training is there; that of a study or of explanations until it is synced |
| `fold=<k>.<n>` | never: another training has taken its place |
| checkpoint of a finished run | always, unless asked for: without it nothing is predicted, explained or exported |
"""

import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from oral_cancer.command import say
from oral_cancer.counting import counted
from oral_cancer.data.reading import Reading
from oral_cancer.data.store import STORE_NAME, store_name
from oral_cancer.data.store_index import load
from oral_cancer.disk import in_bytes, size_of
from oral_cancer.errors import UserError
from oral_cancer.study.listing import studies_below
from oral_cancer.study.plan import read_plan
from oral_cancer.training.manifest import CHECKPOINT, read_manifest
from oral_cancer.training.run import TRAINING, RunName, resizing_of

ASIDE = re.compile(rf"{TRAINING}\.\d+")
WANDB = re.compile(r"(?:offline-)?run-\d+_\d+-(?P<id>.+)")
FROM_A_TRAINING = "files/media/images/augmented batch*"
"""What only the W&B folder of a training has."""


@dataclass(frozen=True)
class Unneeded:
    """Something to remove.

    Attributes:
        path: a folder.
        why: nothing needs it.
        locks: files whose locks whoever works there holds.
    """

    path: Path
    why: str
    locks: tuple[Path, ...] = ()


def clean(folder: Path, checkpoints: bool = False, yes: bool = False) -> None:
    """Show what nothing needs below a folder, ask, and remove it.

    Links are neither followed nor removed. A study that runs is left alone, whenever it was started.

    Args:
        folder: of a study, or of studies, runs, stores and W&B folders such as `outputs`.
        checkpoints: whether those of finished runs go as well.
        yes: whether nobody is asked.

    Raises:
        UserError: where there is no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; give that of a study, or outputs")
    found = [one for one in unneeded(folder, checkpoints) if _is_own(one.path, folder)]
    sizes = {one.path: size_of(one.path) for one in found}
    for one in found:
        say(f"{in_bytes(sizes[one.path]):>9}  {one.path}: {one.why}")
    if not found:
        say(f"{folder}: nothing to remove; whatever is there is needed")
    elif yes or _agreed(f"{counted(len(found), 'folder')}, {in_bytes(sum(sizes.values()))}"):
        removed = [one.path for one in found if _remove(one)]
        freed = in_bytes(sum(sizes[path] for path in removed))
        say(f"removed {counted(len(removed), 'folder')}, {freed}")


def unneeded(folder: Path, checkpoints: bool) -> Iterator[Unneeded]:
    """What nothing needs below a folder; what is in use at the moment is told and left out."""
    studies = studies_below(folder)
    for study in studies:
        locks = (study / ".lock", *study.glob("*/.fold=*.lock"))
        with _held(locks) as free:
            if free:
                yield from (Unneeded(one.path, one.why, locks) for one in _of_study(study, checkpoints))
            else:
                say(f"{study} is running, and is left alone")
    manifests = [manifest for study in studies for manifest in _manifests(study)]
    yield from _stores(folder / "store", {name for study in studies for name in _stores_of(study)})
    yield from _wandb(folder / "wandb", {str(manifest.get("wandb_id")) for manifest in manifests})


def _of_study(study: Path, checkpoints: bool) -> Iterator[Unneeded]:
    for path in sorted(study.glob("*/fold=*")):
        if ASIDE.fullmatch(path.name):
            yield Unneeded(path, "a former training, moved aside")
        elif checkpoints and RunName.of_path(path) and (read_manifest(path) or {}).get("status") == "complete":
            place = (path / CHECKPOINT).parent
            if place.is_dir():
                yield Unneeded(place, "checkpoint of a finished run, without which it cannot predict")


def _stores(folder: Path, needed: Iterable[str]) -> Iterator[Unneeded]:
    for path in sorted(folder.glob("*")):
        match = STORE_NAME.fullmatch(path.name)
        if match is None or not path.is_dir():
            continue
        locks = (path / ".lock",)
        if path.name not in needed:
            yield Unneeded(path, "an image store that no run has trained on", locks)
        elif load(path, int(match[1])) is None:
            yield Unneeded(path, "an image store that is damaged or of another version", locks)


def _wandb(folder: Path, needed: Iterable[str]) -> Iterator[Unneeded]:
    for path in sorted(folder.glob("*run-*")):
        match = WANDB.fullmatch(path.name)
        if match is None or path.is_symlink():
            continue
        if any(path.glob("*.wandb.synced")):
            yield Unneeded(path, "a W&B run that has been synced")
        elif match["id"] not in needed and any(path.glob(FROM_A_TRAINING)):
            yield Unneeded(path, "a W&B run whose training is gone")


def _manifests(study: Path) -> Iterator[Mapping[str, Any]]:
    for path in study.glob("*/fold=*"):
        if RunName.of_path(path) and (manifest := read_manifest(path)):
            yield manifest


def _stores_of(study: Path) -> Iterator[str]:
    """The names of the stores that the runs of a study train on, or are planned to."""
    settings = [(manifest.get("root"), manifest.get("config")) for manifest in _manifests(study)]
    with suppress(UserError):  # a damaged plan names nothing
        plan = read_plan(study)
        settings += [(plan.data.get("root"), config) for config in plan.settings.values()] if plan else []
    for root, config in settings:
        with suppress(KeyError, TypeError, ValueError, UserError):  # nor does what is no manifest of ours
            source: Any = config["source"]  # type: ignore[index]
            reading = Reading.of(*(source.get(option) for option in ("range", "channels", "plane")))
            model: Any = config["model"]  # type: ignore[index]
            way = resizing_of(model)
            yield store_name(Path(str(root)), way.size, reading, way.antialias, way.preprocess)


@contextmanager
def _held(locks: Iterable[Path]) -> Iterator[bool]:
    """Hold those of the locks that are there meanwhile, and say whether that was possible."""
    with ExitStack() as stack:
        try:
            for path in locks:
                if path.exists():
                    stack.enter_context(FileLock(path).acquire(blocking=False))
        except Timeout:
            yield False
        else:
            yield True


def _is_own(path: Path, folder: Path) -> bool:
    """Whether a path lies below a folder, and no link leads out of it."""
    return not path.is_symlink() and path.resolve().is_relative_to(folder.resolve())


def _agreed(what: str) -> bool:
    if not sys.stdin.isatty():
        say(f"{what}: nothing was removed, as nobody can be asked here; give --yes to remove them")
        return False
    agreed = input(f"Remove {what}? [y/N] ").strip().lower() in ("y", "yes")
    if not agreed:
        say("nothing was removed")
    return agreed


def _remove(one: Unneeded) -> bool:
    """Remove it, unless somebody has begun to work there; whether it is gone."""
    with _held(one.locks) as free:
        if not free:
            say(f"{one.path} is in use now, and stays")
            return False
        shutil.rmtree(one.path)
        return True
