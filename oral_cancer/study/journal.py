"""A search's folder: what is searched (search.yaml), and the journal of its trials (search.journal)."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from oral_cancer.errors import UserError
from oral_cancer.files import sealed, unsealed, write_text
from oral_cancer.privacy import redacted
from oral_cancer.settings.commands import Direction
from oral_cancer.study.plan import WHEREABOUTS

if TYPE_CHECKING:
    from optuna import Study

FILE = "search.yaml"
JOURNAL = "search.journal"
BATCH, SECONDS, ERROR = "batch", "seconds", "error"  # of a trial: its batch's first number, and what came of it


@dataclass(frozen=True)
class Objective:
    """What trials are judged by: a figure, the images it is of, and what is better."""

    name: str
    of: str
    direction: Direction


OBJECTIVES = {
    "rmse": Objective("RMSE", "the mixtures' validation images", "minimize"),
    "f1_macro": Objective("macro F1", "the pure validation images", "maximize"),
}
"""By the name in metrics.json; where nothing mixes it is the second."""


@dataclass(frozen=True)
class Search:
    """What a search is, which stays the same as long as its folder is used.

    Attributes:
        parameters: what is searched, by option, in words.
        direction: "minimize" or "maximize".
        sampler: class and options of the Optuna sampler that suggests trials.
        command: what stands on the command line of each trial, beside its parameters.
        data: source, fingerprint, number of images and how they were read.
        weights: what the network starts from.
        settings: the resolved settings of the first trial that would be possible.
        objective: of `OBJECTIVES`, what trials are judged by.
        private: whether `private=true` was given at a start, see `privacy`.
    """

    parameters: dict[str, str]
    direction: Direction
    sampler: dict[str, Any]
    command: list[str]
    data: dict[str, Any]
    weights: str
    settings: dict[str, Any]
    objective: str = "rmse"
    private: bool = False

    @property
    def judged_by(self) -> str:
        """E.g. "validation RMSE"."""
        return f"validation {OBJECTIVES[self.objective].name}"

    @property
    def shown(self) -> "Search":
        """As a page says it: of a private search what can hold paths is redacted."""
        if not self.private:
            return self
        command, data, weights, parameters = redacted([self.command, self.data, self.weights, self.parameters])
        return replace(self, command=command, data=data, weights=weights, parameters=parameters)


def freeze_search(folder: Path, search: Search) -> None:
    """Write what a search is at its first start; at a later one insist that it is the same.

    Raises:
        UserError: one line that names every difference.
    """
    frozen = read_search(folder)
    if frozen is None:
        write_text(folder / FILE, yaml.safe_dump(sealed(asdict(search)), sort_keys=False))
        return
    before, now = (dict(flat(asdict(each) | {"command": None, "private": None})) for each in (frozen, search))
    differing = (key for key in dict.fromkeys((*before, *now)) if before.get(key) != now.get(key))
    keys = [key for key in differing if key not in WHEREABOUTS]
    if any(key.startswith("parameters.") for key in keys):  # which have other settings tried first
        keys = [key for key in keys if not key.startswith("settings.")]
    if keys:
        said = "; ".join(f"{key} was {before.get(key, 'not there')}, now {now.get(key, 'not there')}" for key in keys)
        raise UserError(
            f"{folder / FILE}: {said}; a search does not change: choose another study.name, or what was there before"
        )
    if search.private and not frozen.private:
        write_text(folder / FILE, yaml.safe_dump(sealed(asdict(replace(frozen, private=True))), sort_keys=False))


def read_search(folder: Path) -> Search | None:
    """What is searched in a folder, or None where no search was begun.

    Raises:
        UserError: for a file that is damaged.
    """
    path = folder / FILE
    try:
        return Search(**unsealed(yaml.safe_load(path.read_text(encoding="utf-8"))))
    except FileNotFoundError:
        return None
    except (yaml.YAMLError, TypeError, ValueError) as error:
        said = " ".join(str(error).split())
        raise UserError(f"{path} is damaged ({said}); delete it and start the search again: its trials stay") from error


def open_journal(folder: Path, direction: Direction) -> "Study":
    """The trials in a search's folder; what a killed process left half written is taken away.

    Raises:
        UserError: for a journal that is damaged.
    """
    import optuna
    from filelock import FileLock
    from optuna.storages.journal import JournalFileBackend

    path = folder / JOURNAL
    lock: Any = FileLock(folder / f".{JOURNAL}.lock")  # Optuna's own outlives a process that is killed
    try:
        with quiet():
            with lock:
                _cut_to_whole_lines(path)
            storage = optuna.storages.JournalStorage(JournalFileBackend(str(path), lock))
            return optuna.create_study(storage=storage, study_name="search", direction=direction, load_if_exists=True)
    except (ValueError, KeyError) as error:
        raise UserError(
            f"{path} is damaged ({' '.join(str(error).split())}); restore it, or choose another study.name"
        ) from error


def _cut_to_whole_lines(path: Path) -> None:
    content = path.read_bytes() if path.exists() else b""
    whole = content.rpartition(b"\n")
    if whole[2]:
        with path.open("r+b") as file:
            file.truncate(len(content) - len(whole[2]))


def flat(content: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(content, dict) and content:
        for key, value in content.items():
            yield from flat(value, f"{name}.{key}" if name else str(key))
    else:
        yield name, content


@contextmanager
def quiet() -> Iterator[None]:
    """Without Optuna's remarks on studies created and features that may change."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
