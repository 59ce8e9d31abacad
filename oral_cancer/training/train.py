"""One training, from settings to figures."""

import logging
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Trainer, seed_everything

from oral_cancer.data.augmentation import DeviceAugmentation
from oral_cancer.data.datamodule import CellDataModule
from oral_cancer.data.leaks import near_duplicates, warning
from oral_cancer.data.overview import measures
from oral_cancer.data.splits import remarks
from oral_cancer.data.store import ImageStore
from oral_cancer.errors import UserError, brief
from oral_cancer.evaluation.metrics import evaluate
from oral_cancer.evaluation.predictions import true_columns, write_predictions
from oral_cancer.files import write_json, write_text
from oral_cancer.models import SoftLabelClassifier
from oral_cancer.settings import build
from oral_cancer.settings.departures import departures
from oral_cancer.training import display, ranks
from oral_cancer.training.callbacks import read_history
from oral_cancer.training.checkpoint import ENDED, end_training, read_checkpoint
from oral_cancer.training.features import outputs_with_features
from oral_cancer.training.folder import RunFolder, taken
from oral_cancer.training.images import collected, data_facts, insist_on_labels, insist_on_roles, open_images
from oral_cancer.training.loggers import finish, log_again, log_results, log_training_batch, title
from oral_cancer.training.memory import enough_memory
from oral_cancer.training.run import Run
from oral_cancer.training.signals import StopOnSignal
from oral_cancer.training.splits_file import write_splits
from oral_cancer.training.synthetic_file import write_synthetic
from oral_cancer.training.trainer import build_trainer


def train(run: Run, expected: Mapping[str, str] = MappingProxyType({})) -> pd.DataFrame:
    """Train a run, predict its validation and test images, and leave its files in its folder.

    Args:
        run: its settings have passed `settings.check`.
        expected: what a study's plan says of `fingerprint` and `weights`; anything else is refused.

    Returns:
        The predictions, as predictions.csv has them.

    Raises:
        UserError: for settings or files that cannot be trained with, before the run's folder is touched.
        Interrupted: on Ctrl-C or SIGTERM, once the run's files are in order.
    """
    quieten()
    seed_everything(run.seed, verbose=False)
    stop = StopOnSignal(run.how_to_go_on)
    collection = collected(run)
    parts = _build_parts(run, stop, len(collection.labels.classes))
    insist_on_labels([run], collection)
    store = open_images(run, collection)
    insist_on_roles([run], store)
    if ranks.must_be_started(run.settings):
        return ranks.start(train, run, expected)
    facts = data_facts(store)
    _insist(expected, facts)
    data = _build_data(run, store, parts.augmentation)
    facts |= _facts_of_start(parts, data)
    _insist(expected, facts)
    with enough_memory():
        data.setup()
    alike = near_duplicates(store, data.roles())
    facts |= _facts_of_training_set(run, parts.trainer, data) | {"near_duplicates": len(alike)}
    with stop.listening(), ranks.led_by_first(parts.trainer, lambda: taken(run, facts)) as folder:
        logger = _begin(run, folder, parts, data, alike)
        try:
            with enough_memory():
                predictions = _fit_and_predict(run, folder, parts, data, logger)
            _record(run, folder, parts, data, logger, predictions)
        except BaseException as error:
            finish(logger, run, error)
            stop.check()  # a signal may be the cause: ranks that end lose each other
            raise
        finish(logger, run)
    return predictions


@dataclass(frozen=True)
class _Parts:
    """What settings make of themselves without any image."""

    trainer: Trainer
    augmentation: Any
    model: SoftLabelClassifier


def _build_parts(run: Run, stop: StopOnSignal, classes: int) -> _Parts:
    """Whatever is wrong with these is told before a long work on images begins."""
    settings = run.settings
    parts = _Parts(build_trainer(run, stop), build(settings, "augmentation"), build(settings, "model", classes=classes))
    parts.model.between = stop.check
    return parts


def _build_data(run: Run, store: ImageStore, augmentation: Any) -> CellDataModule:
    """The run's images in their roles."""
    settings = run.settings
    data: CellDataModule = build(
        settings,
        "data",
        store=store,
        resampling=build(settings, "resampling"),
        augmentation=augmentation,
        fold=run.fold,
        split_seed=settings.split_seed,
        seed=run.seed,
    )
    return data


def _facts_of_start(parts: _Parts, data: CellDataModule) -> dict[str, Any]:
    on_device = isinstance(data.augmentation, DeviceAugmentation)
    return {
        "weights": parts.model.origin,
        "device": display.device_name(parts.trainer),
        "precision": parts.trainer.precision,
        "augmented_on": "device" if on_device else "cpu",
    }


def _facts_of_training_set(run: Run, trainer: Trainer, data: CellDataModule) -> dict[str, Any]:
    return {
        "departures": departures(run.config),
        "devices": trainer.world_size,
        "seed": run.seed,
        "training_images": data.training_counts(),
        "training_appearance": data.training_appearance(),
        "found": data.store.collection.record(),
        "labels": data.store.collection.labels.record(),
        "measures": measures(data.store),
        "remarks": remarks(data.store.collection, run.settings.data.folds, run.settings.split_seed),
    }


def _begin(run: Run, folder: RunFolder, parts: _Parts, data: CellDataModule, alike: pd.DataFrame) -> Any:
    """Write what is known before the first step, say what is about to happen, and return the logger."""
    if not parts.trainer.is_global_zero:
        return False
    write_splits(folder.path, data)
    write_synthetic(folder.path, *data.synthetic())
    if len(alike):
        write_text(folder.path / "near_duplicates.csv", alike.to_csv(index=False, lineterminator="\n"))
        print(
            *warning(alike, any(file.group for file in data.store.collection.files)),
            sep="\n",
            file=sys.stderr,
            flush=True,
        )
    marks = _marks(data.store, parts.model)
    display.announce(title(run, marks), data, parts.model, parts.trainer, folder.resumed)
    display.say_departures(folder.manifest["departures"])
    settings = run.settings.logger
    if settings.get("save_dir"):
        Path(settings.save_dir).mkdir(parents=True, exist_ok=True)
    logger = parts.trainer.logger = build(run.settings, "logger", run=run, folder=folder, marks=marks)
    return logger


def _fit_and_predict(run: Run, folder: RunFolder, parts: _Parts, data: CellDataModule, logger: Any) -> pd.DataFrame:
    log_training_batch(logger, run, data)
    before = read_checkpoint(folder.checkpoint) if folder.resumed else {}
    log_again(logger, read_history(folder.path / "history.csv", before["epoch"] + 1) if before else [])
    if before.get(ENDED):
        parts.model.load_state_dict(before["state_dict"])
    else:
        _fit(run, folder, parts, data)
    probabilities, features = outputs_with_features(parts.trainer, parts.model, data)
    if features and parts.trainer.is_global_zero:
        features.write(folder.path)
    return predictions_of(run, data, probabilities)


def _fit(run: Run, folder: RunFolder, parts: _Parts, data: CellDataModule) -> None:
    trainer, model = parts.trainer, parts.model
    try:
        trainer.fit(model, data, ckpt_path=folder.checkpoint if folder.resumed else None, weights_only=True)
    except MisconfigurationException as error:  # by which Lightning refuses what it only sees here
        raise UserError(f"trainer or callbacks: {brief(error)}") from error
    if trainer.global_step == 0 and model.origin_kind != "file":  # which may be evaluated as it is
        raise UserError("trainer: ended before its first step; raise its max_time")
    if trainer.is_global_zero:
        end_training(folder.checkpoint, model, bool(run.settings.get("keep_optimizer")), run.private)


def _record(
    run: Run, folder: RunFolder, parts: _Parts, data: CellDataModule, logger: Any, predictions: pd.DataFrame
) -> None:
    """Write predictions and figures, and show them."""
    if not parts.trainer.is_global_zero:
        return
    metrics = evaluate(predictions)
    if "homo" in metrics.get("val", {}):
        metrics["val"]["homo"]["in_sample"] = data.splits.in_sample
    write_predictions(run.folder / "predictions.csv", predictions)
    write_json(run.folder / "metrics.json", metrics)
    log_results(logger, run, data.store, folder.manifest, metrics, predictions)
    display.show(title(run, _marks(data.store, parts.model)), run.folder, metrics)


def predictions_of(run: Run, data: CellDataModule, probabilities: Sequence[torch.Tensor]) -> pd.DataFrame:
    """The predictions of all validation and test images, in the format of predictions.csv.

    Args:
        run: whose.
        data: its images.
        probabilities: float32 (N, K), one for each of `data.evaluated()`.
    """
    classes = data.store.collection.labels.classes
    exact = data.store.collection.proportions()
    grouped = any(file.group for file in data.store.collection.files)
    frames = []
    for images, found in zip(data.evaluated(), probabilities, strict=True):
        image_set, split = images.split("_")
        rows = getattr(data.splits, images)
        trained = {"fold": run.fold, "split_seed": run.split_seed, "seed": run.seed}
        names = {"experiment": run.experiment, **trained, "split": split, "set": image_set}
        frame = pd.DataFrame(names, index=range(len(rows)))
        frame["file"] = [data.store.collection.files[row].path for row in rows]
        frame["label"] = data.labels[rows]
        if grouped:
            frame["group"] = [data.store.collection.files[row].group for row in rows]
        frame[true_columns(classes)] = exact[rows]
        frame[list(classes)] = found.numpy()
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _insist(expected: Mapping[str, str], found: Mapping[str, Any]) -> None:
    for name in expected.keys() & found.keys():
        if found[name] != expected[name]:
            raise UserError(
                f"study: {name} was {expected[name]} when the study began and is {found[name]} now; "
                "restore it, or begin a study of another name"
            )


def _marks(store: ImageStore, model: SoftLabelClassifier) -> tuple[str, ...]:
    return (*(["simulated"] if store.collection.simulated else []), f"{model.origin_kind}-start")


def quieten() -> None:
    """Lightning's advertisements and remarks that are not for a user of this program."""
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")  # by model.freeze
    warnings.filterwarnings("ignore", message=".*Checkpoint directory.*exists and is not empty.*")
    warnings.filterwarnings("ignore", message=".*srun. command is available.*")
    warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
