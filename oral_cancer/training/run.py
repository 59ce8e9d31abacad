"""What one training is: an experiment on one fold, with its settings and its folder."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from oral_cancer.data.resizing import Resizing
from oral_cancer.quoting import without_references
from oral_cancer.settings import resolved, settings_hash
from oral_cancer.settings.data import Fold

TRAINING = r"fold=(?P<fold>\d+|all)(?:,split_seed=(?P<split_seed>\d+))?(?:,seed=(?P<seed>\d+))?"
"""What the folder of a run is called."""
ALONE = Path("outputs", "runs")
"""Where the folders of trainings lie that belong to no study."""


class RunName(NamedTuple):
    """Which training of a study, or of those alone.

    `seed` and `split_seed` are None where a study has but one.
    """

    experiment: str
    fold: Fold
    seed: int | None = None
    split_seed: int | None = None

    @property
    def training(self) -> str:
        """Which of the experiment's: `fold=<k>`, and where a study has several `split_seed=<p>` and `seed=<s>`."""
        given = (("split_seed", self.split_seed), ("seed", self.seed))
        return ",".join([f"fold={self.fold}", *(f"{name}={seed}" for name, seed in given if seed is not None)])

    @property
    def path(self) -> str:
        """The run's folder below the study's, such as `m5/fold=0` or `m5/fold=0,seed=1`."""
        return f"{self.experiment}/{self.training}"

    @classmethod
    def of_path(cls, path: Path) -> "RunName | None":
        """The name whose `path` this ends with; None for any other folder."""
        match = re.fullmatch(TRAINING, path.name)
        if match is None or not path.parent.name:
            return None
        fold: Fold = "all" if match["fold"] == "all" else int(match["fold"])
        seed, split_seed = (None if match[name] is None else int(match[name]) for name in ("seed", "split_seed"))
        return cls(path.parent.name, fold, seed, split_seed)

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True)
class Run:
    """One training of one experiment on one fold.

    Attributes:
        settings: composed and named, see `experiments.compose_settings`; without Hydra's own, and without references.
        folder: where its files lie, or will.
        name: its experiment, fold and seed.
        study: the name of the study that it belongs to; None alone.
        overrides: what the user gave beside the defaults.
    """

    settings: DictConfig
    folder: Path
    name: RunName
    study: str | None = None
    overrides: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        settings: DictConfig,
        folder: Path | None = None,
        name: RunName | None = None,
        study: str | None = None,
        overrides: tuple[str, ...] = (),
    ) -> "Run":
        """The run that settings describe.

        Args:
            settings: see the class.
            folder: None is that of a training alone, below `ALONE`.
            name: None is by the settings: their name, which is the experiment's, and their fold.
            study: see the class.
            overrides: see the class.
        """
        # A reference may be Hydra's, which other processes have not.
        plain = OmegaConf.create(without_references(resolved(settings)))
        name = name or RunName(plain.name, plain.fold)
        return cls(plain, folder or ALONE / name.path, name, study, overrides)

    @property
    def experiment(self) -> str:
        """E.g. "m5"."""
        return self.name.experiment

    @property
    def fold(self) -> Fold:
        """The fold that validates, or "all"."""
        return self.name.fold

    @property
    def seed(self) -> int:
        """Of treatment, shuffling, augmentation and network."""
        return int(self.settings.seed)

    @property
    def split_seed(self) -> int:
        """Of the folds, and of which mixtures' images validate."""
        return int(self.settings.split_seed)

    @property
    def private(self) -> bool:
        """Whether nobody is told of folders and computers, or shown an image, see `privacy`."""
        return bool(self.settings.get("private"))

    @property
    def resizing(self) -> Resizing:
        """How the store has the images, which may be larger there than the network sees them."""
        return resizing_of(self.settings.model)

    @property
    def config_hash(self) -> str:
        """Of the settings, see `settings.settings_hash`."""
        return settings_hash(self.settings)

    @property
    def config(self) -> dict[str, Any]:
        """The settings as plain Python, every reference replaced by its value."""
        return resolved(self.settings)

    @property
    def group(self) -> str:
        """What a tracker groups runs by: their study, or alone their experiment."""
        return self.study or self.experiment

    @property
    def job_type(self) -> str:
        """What a tracker tells the runs of a group apart by."""
        return self.experiment if self.study else "fold"

    @property
    def how_to_go_on(self) -> str:
        """What to do after an interruption."""
        named = f" with study.name={self.study}" if self.study else ""
        return f"the same command{named} goes on from the last whole epoch"


def resizing_of(model: Any) -> Resizing:
    """How the stored images are resized that a network with these settings trains on; what it does not say is plain."""
    plain = Resizing(int(model["image_size"]) * int(model["supersampling"]))
    return plain._replace(**{name: model[name] for name in ("antialias", "preprocess") if name in model})
