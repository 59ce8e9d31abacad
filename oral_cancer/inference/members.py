"""The trained networks of a study, one a fold and seed, that predict together."""

import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from oral_cancer.counting import counted
from oral_cancer.data.resizing import Resizing
from oral_cancer.errors import UserError, refuse
from oral_cancer.evaluation import tables
from oral_cancer.evaluation.ensembles import member_folds
from oral_cancer.evaluation.run_features import RunFeatures, read_features
from oral_cancer.inference import networks
from oral_cancer.models import SoftLabelNetwork
from oral_cancer.study.aggregate import ranking
from oral_cancer.study.run_record import RunRecord, refuse_damaged
from oral_cancer.study.runs import Study, read_study
from oral_cancer.training.manifest import CHECKPOINT, changed_files
from oral_cancer.training.splits_file import read_splits

Shared = TypeVar("Shared")


def choose_runs(
    study_folder: Path, experiment: str | None, seed: int | None = None, split_seed: int | None = None
) -> tuple[Study, list[RunRecord]]:
    """The finished runs of one experiment whose networks form its ensemble, and the study as far as they need it.

    Args:
        study_folder: of a study with at least one finished run.
        experiment: its name, or None for the best by mean validation RMSE.
        seed: of the trainings; None for all of a study with several.
        split_seed: of their folds; None for all.

    Raises:
        UserError: for a study or an experiment without a finished run, or none with such seeds, and damaged files of
            these runs.
    """
    study = with_seeds(read_study(study_folder, experiment), seed, split_seed)
    best = experiment or ranking(tables.summary(study.predictions))[0]
    of_experiment = replace(study, runs=tuple(run for run in study.runs if run.experiment == best))
    refuse_damaged(of_experiment.complete)
    folds = member_folds(of_experiment.predictions)
    return of_experiment, [run for run in of_experiment.complete if run.fold in folds]


def with_seeds(study: Study, seed: int | None, split_seed: int | None) -> Study:
    """A study as if only these seeds had been trained; None for all.

    Raises:
        UserError: where no finished run has them, with those there are.
    """
    for name, chosen in (("split_seed", split_seed), ("seed", seed)):
        if chosen is None:
            continue
        there = sorted({getattr(run, name) for run in study.complete})
        if chosen not in there:
            said = ", ".join(map(str, there))
            raise UserError(f"{name}={chosen}: {study.folder} has no such finished run; choose {said}, or null for all")
        study = replace(study, runs=tuple(run for run in study.runs if getattr(run, name) == chosen))
    return study


def load_network(run: RunRecord, trust: bool = False) -> SoftLabelNetwork:
    """The network of a run after its last step, ready to predict.

    Args:
        run: a finished one.
        trust: whether a class of the user's own that its manifest names is imported and built.

    Raises:
        UserError: for a checkpoint that is missing or not as the run's manifest says, that holds more than tensors and
            plain values, or that does not fit the settings in the manifest; for settings that `build_network` refuses.
    """
    path = run.folder / CHECKPOINT
    changed = changed_files(run.folder, run.facts, (CHECKPOINT.as_posix(),))
    refuse([f"{fault}; restore it, or train the run again" for fault in changed])
    network = networks.build_network(run, trust)
    try:
        network.load_state_dict(_state(path))
    except (RuntimeError, TypeError, AttributeError) as error:  # the last where names are no texts
        raise UserError(f"{path} does not fit {run.folder}/manifest.json; train {run.name} again") from error
    return network.eval()


def features_of(runs: Sequence[RunRecord]) -> list[RunFeatures]:
    """What each run keeps of its features; empty where one of them keeps nothing.

    Raises:
        UserError: for a file that is not as a run writes it.
    """
    found = [read_features(run.folder, len(read_splits(run.folder))) for run in runs]
    return [one for one in found if one] if all(found) else []


def networks_in_words(runs: Sequence[RunRecord]) -> str:
    """E.g. "5 folds", or "15 networks: 5 folds, seeds 0, 1, 2"."""
    folds = list(dict.fromkeys(run.fold for run in runs))
    said = [f"{len(folds)} folds" if len(folds) > 1 else f"fold {folds[0]}"]
    for name, words in (("split_seed", "split seeds"), ("seed", "seeds")):
        seeds = sorted({getattr(run, name) for run in runs if getattr(run.run, name) is not None})
        said += [f"{words if len(seeds) > 1 else words[:-1]} {', '.join(map(str, seeds))}"] if seeds else []
    return said[0] if len(said) == 1 else f"{counted(len(runs), 'network')}: {', '.join(said)}"


def views_in_words(runs: Sequence[RunRecord]) -> str:
    """What of an image is predicted, e.g. "each image as it lies"."""
    number = views(runs)
    return f"the mean over the {number} turns and flips of each image" if number > 1 else "each image as it lies"


def resizing(runs: Sequence[RunRecord]) -> Resizing:
    """How images are resized for these networks, which see the same of them.

    Raises:
        UserError: where they differ in it or in how they normalise pixels, and for settings that are no network's.
    """
    _shared(runs, networks.normalization, "how they normalise pixels")
    return _shared(runs, networks.resizing, "their images' size")


def views(runs: Sequence[RunRecord]) -> int:
    """How many turns and flips of an image the predictions of these networks are the mean over.

    Raises:
        UserError: where they differ in it, and for settings that are no network's.
    """
    return _shared(runs, networks.views, "the views that they are the mean over", " views")


def _shared(runs: Sequence[RunRecord], of: Callable[[RunRecord], Shared], what: str, unit: str = "") -> Shared:
    found = {run.name: of(run) for run in runs}
    if len(set(found.values())) > 1:
        said = ", ".join(f"{name} {one}{unit}" for name, one in found.items())
        raise UserError(f"{runs[0].folder.parents[1]}: networks of one experiment differ in {what} ({said})")
    return next(iter(found.values()))


def _state(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    except pickle.UnpicklingError as error:
        raise UserError(f"{path} holds more than tensors and is refused; train the run again") from error
    except Exception as error:  # whatever a damaged file provokes
        raise UserError(
            f"{path} cannot be read ({type(error).__name__}); restore it, or train the run again"
        ) from error
    return content
