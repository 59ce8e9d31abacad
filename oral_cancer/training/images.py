"""The images of a run: found, told apart, decoded, and each in its role."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from oral_cancer.counting import counted
from oral_cancer.data import division, splits
from oral_cancer.data.class_weights import weights_of_classes
from oral_cancer.data.collection import Collection, in_words
from oral_cancer.data.datamodule import measured_in_validation
from oral_cancer.data.leaks import repeated, same_images, split_groups
from oral_cancer.data.reading import in_lines, is_worth_saying
from oral_cancer.data.splits import Splits, number_of_folds, split
from oral_cancer.data.store import ImageStore, open_sound_store
from oral_cancer.errors import UserError, refuse
from oral_cancer.settings import build
from oral_cancer.settings.callbacks import faults_of_callbacks
from oral_cancer.training import ranks
from oral_cancer.training.run import Run


def collected(run: Run) -> Collection:
    """The files of the run's source, of which none is opened yet."""
    collection: Collection = build(run.settings, "source").collect()
    return collection


def insist_on_labels(runs: Iterable[Run], collection: Collection) -> None:
    """Refuse what runs ask of labels that their training images do not have, before an image is opened.

    Faults of the files themselves are left to `open_images`, which tells them with those that it finds within.

    Raises:
        UserError: see `check_labels`.
    """
    for run in runs:
        if not _faults(collection, run.settings.data.folds):
            divided = division.divided(collection, run.settings.data.folds)
            check_labels(run, divided, in_roles(run, divided))


def open_images(run: Run, collection: Collection) -> ImageStore:
    """The decoded images of what the run's source has found; whatever is wrong with its files is refused here."""
    settings, folds = run.settings, run.settings.data.folds
    faults = _faults(collection, folds)
    way = run.resizing
    store = open_sound_store(collection, way.size, Path(settings.store), faults, way.antialias, way.preprocess)
    if again := repeated(store):
        store = store.without(again)
        refuse(_faults(store.collection, folds))
    store = replace(store, collection=division.divided(store.collection, folds))
    if ranks.is_first():
        print(f"{collection.root}: {in_words(store.collection.record())}", flush=True)
        lines = splits.remarks(store.collection, folds, settings.split_seed)
        if is_worth_saying(store.reading):
            lines = [*in_lines(store.reading), *lines]
        if lines:
            print(*lines, sep="\n", flush=True)
    return store


def _faults(collection: Collection, folds: int | str) -> list[str]:
    """A line for everything that keeps images from being divided."""
    undivided = division.problems(collection, folds) or splits.problems(division.divided(collection, folds), folds)
    return [*division.strange_groups(collection), *undivided]


def in_roles(run: Run, collection: Collection) -> Splits:
    """Who has which role in a run.

    Raises:
        UserError: where there is no such fold, or no training image of a class.
    """
    settings = run.settings
    number = number_of_folds(collection, settings.data.folds)
    if run.fold != "all" and run.fold >= number:
        raise UserError(
            f"fold={run.fold}: {collection.root} has {counted(number, 'fold')}, from 0: give a lower one, or "
            f"in a study study.folds=[{','.join(map(str, range(number)))}]"
        )
    found = split(collection, run.fold, settings.data.folds, settings.split_seed)
    train = found.train_rows(settings.data.train_sets)
    if not len(train):
        raise UserError(
            f"data.train_sets: {collection.root} has no training image of these sets; give data.train_sets=[homo] for "
            "pure images, or [hetero] for mixed ones"
        )
    if "homo" in settings.data.train_sets and (never := splits.only_evaluated(collection)):
        raise UserError(
            f"{collection.root}: no image of {', '.join(never)} may train, as all are to validate or test: add some "
            "that may, or leave the class out"
        )
    if "homo" in settings.data.train_sets and (lacking := splits.lacking_in_training(collection, found)):
        raise UserError(
            f"fold={run.fold}: no image of {', '.join(lacking)} would train: choose another split_seed, fewer folds, "
            "or finer groups"
        )
    return found


def check_labels(run: Run, collection: Collection, found: Splits) -> None:
    """Refuse options that ask for labels of the training images, or for figures of validation, that there are not.

    Raises:
        UserError: where treatment or weights name a label that no training image has, or a callback waits for a figure
            that is not measured.
    """
    settings, train = run.settings, found.train_rows(run.settings.data.train_sets)
    refuse(faults_of_callbacks(run.config, measured_in_validation(found)))
    treatment = build(settings, "resampling")
    if hasattr(treatment, "check_labels"):
        treatment.check_labels(collection.names()[train])
    weights_of_classes(settings.data.get("class_weights"), collection.soft_labels()[train], collection.labels.classes)


def insist_on_roles(runs: list[Run], store: ImageStore) -> None:
    """Raise a `UserError` where a run cannot be trained on these images, or one image is in two roles of a run."""
    roles: list[NDArray[Any]] = [in_roles(run, store.collection).roles(run.settings.data.train_sets) for run in runs]
    refuse([*same_images(store, roles), *split_groups(store.collection, roles)])


def data_facts(store: ImageStore) -> dict[str, Any]:
    """What the manifest says of the data: source, folder, fingerprint, number of images, and how they were read."""
    collection = store.collection
    source = "simulated" if collection.simulated else str(collection.root)
    return {
        "source": source,
        "root": str(collection.root),
        "fingerprint": store.fingerprint,
        "labelled": collection.labelled,
        "images": len(collection.files),
        "reading": store.reading,
    }
