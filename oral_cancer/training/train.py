"""One training, from settings to figures."""

import logging
import sys
import warnings
from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import get_method, instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Callback, Trainer, seed_everything
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.plugins import AsyncCheckpointIO

from oral_cancer.data.augmentation import BatchAugmentation, trains_on_cuda
from oral_cancer.data.collection import in_words
from oral_cancer.data.datamodule import CellDataModule
from oral_cancer.data.folder import too_few
from oral_cancer.data.leaks import near_duplicates, repeated, same_images, warning
from oral_cancer.data.reading import in_lines, is_worth_saying
from oral_cancer.data.splits import EVALUATED, split
from oral_cancer.data.store import ImageStore, open_sound_store
from oral_cancer.errors import UserError, refuse
from oral_cancer.evaluation.metrics import evaluate
from oral_cancer.evaluation.predictions import write_predictions
from oral_cancer.files import replacing, write_json
from oral_cancer.labels import BY_NAME, CLASSES
from oral_cancer.models import SoftLabelClassifier
from oral_cancer.training import display, ranks
from oral_cancer.training.batch_norm import SyncBatchNorm
from oral_cancer.training.callbacks import History, SeedEachStep
from oral_cancer.training.loggers import RunIdentity, finish, log_results, log_training_batch
from oral_cancer.training.manifest import CHECKPOINT
from oral_cancer.training.memory import enough_memory
from oral_cancer.training.run import Run, start_run
from oral_cancer.training.settings import build, number_of_ranks
from oral_cancer.training.signals import StopOnSignal


def train(cfg: DictConfig, expected: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """Train one model on one fold, predict its validation and test images, and leave the files of a run.

    Args:
        cfg: composed settings that `settings.check` has passed.
        expected: what a study's plan says of `fingerprint` and `weights`; anything else is refused.

    Returns:
        The figures that metrics.json holds.

    Raises:
        UserError: for settings or files that cannot be trained with, before the run's folder is touched.
        Interrupted: on Ctrl-C or SIGTERM, once the run's files are in order.
    """
    quieten()
    seed_everything(cfg.seed, verbose=False)
    folder = Path(HydraConfig.get().runtime.output_dir)
    stop = StopOnSignal(_how_to_go_on())
    # Whatever is wrong with these is told once, and before a long work on images begins.
    trainer, augmentation = build_trainer(cfg, folder, stop), build(cfg, "augmentation")
    model: SoftLabelClassifier = build(cfg, "model")
    store = open_images(cfg)
    if ranks.must_be_started(cfg):
        return ranks.start(train, cfg, expected, folder, _how_to_go_on())
    facts = data_facts(store)
    _insist(expected, facts)
    data: CellDataModule = build(
        cfg,
        "data",
        store=store,
        resampling=build(cfg, "resampling"),
        augmentation=augmentation,
        fold=cfg.fold,
        trial=cfg.trial,
        seed=cfg.seed,
    )
    refuse(same_images(store, [data.roles()]))
    alike = near_duplicates(store, data.roles())
    if cfg.trainer.compile:
        model.network.compile()
    facts |= {"weights": model.origin, "device": display.device_name(trainer), "precision": trainer.precision}
    facts |= {"augmented_on": "device" if isinstance(augmentation, BatchAugmentation) else "cpu"}
    _insist(expected, facts)
    with enough_memory():
        data.setup()
    facts |= {"devices": trainer.world_size, "seed": cfg.seed, "training_images": data.training_counts()}
    facts |= {"training_appearance": data.training_appearance(), "near_duplicates": len(alike)}
    facts |= {"found": store.collection.record()}
    if cfg.logger.get("save_dir"):
        Path(cfg.logger.save_dir).mkdir(parents=True, exist_ok=True)
    first = trainer.is_global_zero
    with stop.listening(), ranks.led_by_first(trainer, lambda: start_run(folder, cfg, facts)) as run:
        identity = _identity(run, cfg.fold, _tags(store, model))
        logger = False
        if first:
            write_splits(run.folder / "splits.csv", data)
            if len(alike):
                _write_table(run.folder / "near_duplicates.csv", alike)
                print(*warning(alike), sep="\n", file=sys.stderr, flush=True)
            display.announce(identity, data, model, run.resumed)
            logger = trainer.logger = build(cfg, "logger", identity=identity)
        try:
            with enough_memory():
                log_training_batch(logger, data)
                trainer.fit(model, data, ckpt_path=run.checkpoint if run.resumed else None, weights_only=True)
                predictions = predict(trainer, model, data, identity.model, cfg.fold)
            metrics = evaluate(predictions)
            metrics["val"]["homo"]["in_sample"] = data.splits.in_sample
            if first:
                write_predictions(run.folder / "predictions.csv", predictions)
                write_json(run.folder / "metrics.json", metrics)
                log_results(logger, metrics, predictions)
        except BaseException:
            finish(logger, failed=True)
            stop.check()  # a signal may be the cause: ranks that end lose each other
            raise
        finish(logger, failed=False)
    if first:
        display.show(identity, metrics)
    return metrics


def open_images(cfg: DictConfig) -> ImageStore:
    """The decoded images of the configured source; whatever is wrong with its files is refused here."""
    collection = build(cfg, "source").collect()
    size = cfg.model.image_size * cfg.model.supersampling
    store = open_sound_store(collection, size, Path(cfg.store), too_few(collection, cfg.data.folds))
    if again := repeated(store):
        store = store.without(again)
        refuse(too_few(store.collection, cfg.data.folds))
    if ranks.is_first():
        print(f"{collection.root}: {in_words(store.collection.record())}", flush=True)
        if is_worth_saying(store.reading):
            print(*in_lines(store.reading), sep="\n", flush=True)
    return store


def insist_on_known_options(cfg: DictConfig) -> None:
    """Refuse options that the trainer does not take, without building one: its devices may be another machine's."""
    given = {name: None for name in cfg.trainer if not name.startswith("_") and name != "compile"}
    try:
        signature(get_method(cfg.trainer._target_)).bind_partial(**given)
    except TypeError as error:
        shown = "`python train.py --cfg job --package trainer` shows the settings"
        raise UserError(f"trainer: {error}; {shown}") from error


def build_trainer(cfg: DictConfig, folder: Path, *more: Callback) -> Trainer:
    """Lightning's trainer, with what every training needs beside the configured callbacks; it has no logger yet."""
    callbacks = [
        SeedEachStep(cfg.seed),
        History(folder / "history.csv"),
        ModelCheckpoint((folder / CHECKPOINT).parent, filename=CHECKPOINT.stem, enable_version_counter=False),
        *more,
        *instantiate(cfg.get("callbacks") or {}).values(),
    ]
    # Deterministic algorithms would fill every new tensor first, a quarter of a step on a CPU; no result needs it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    precision = cfg.trainer.precision
    on_gpu = trains_on_cuda(cfg.trainer.accelerator)
    if precision == "auto":
        precision = "bf16-mixed" if on_gpu and torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    settings = {"precision": precision, "callbacks": callbacks, "logger": False, "default_root_dir": folder}
    settings["plugins"] = [AsyncCheckpointIO(), *([SyncBatchNorm(on_gpu)] if number_of_ranks(cfg) > 1 else [])]
    own = OmegaConf.masked_copy(cfg, ["trainer"])
    del own.trainer["compile"]  # ours, not Lightning's
    trainer: Trainer = build(own, "trainer", **settings)
    if cfg.trainer.compile:
        _insist_on_compiler(trainer.strategy.root_device)
    return trainer


def _insist_on_compiler(device: torch.device) -> None:
    """Raise a `UserError` where `trainer.compile=true` cannot work, e.g. for want of a C++ compiler."""
    try:
        torch.compile(torch.neg)(torch.zeros(1, device=device))
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        remedy = "install what lacks, or give trainer.compile=false"
        raise UserError(f"trainer.compile: nothing can be compiled here ({reason}); {remedy}") from error


def predict(
    trainer: Trainer, model: SoftLabelClassifier, data: CellDataModule, name: str, fold: int | str
) -> pd.DataFrame:
    """The model's predictions of all validation and test images, in the format of predictions.csv; on every rank."""
    batches: Any = trainer.predict(model, data)
    frames = []
    for images, found in zip(EVALUATED, batches, strict=True):
        image_set, split = images.split("_")
        rows = getattr(data.splits, images)
        own = torch.cat(found) if found else torch.empty(0, len(CLASSES))
        probabilities = ranks.interleaved(own, trainer).numpy()
        same = {"experiment": name, "fold": fold, "split": split, "set": image_set}
        frame = pd.DataFrame(same, index=range(len(rows)))
        frame["file"] = [data.store.collection.files[row].path for row in rows]
        truth = np.array([BY_NAME[group].soft_label for group in data.groups[rows]])
        for i, cls in enumerate(CLASSES):
            frame[f"true_{cls}"] = truth[:, i]
        for i, cls in enumerate(CLASSES):
            frame[cls] = probabilities[:, i]
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def write_splits(path: Path, data: CellDataModule) -> None:
    """Record every file's role, size and hash."""
    files = data.store.collection.files
    frame = pd.DataFrame(
        {
            "file": [file.path for file in files],
            "set": [file.image_set for file in files],
            "group": [file.group for file in files],
            "role": data.roles(),
            "bytes": data.store.bytes,
            "sha256": data.store.sha256,
        }
    )
    _write_table(path, frame)


def _write_table(path: Path, frame: pd.DataFrame) -> None:
    with replacing(path) as beside:
        frame.to_csv(beside, index=False, lineterminator="\n")


def roles(cfg: DictConfig, store: ImageStore) -> NDArray[np.str_]:
    """What a training with these settings uses each row of the store for; see `Splits.roles`."""
    splits = split(store.collection.files, cfg.fold, cfg.data.folds, cfg.trial)
    return splits.roles(cfg.data.train_sets)


def data_facts(store: ImageStore) -> dict[str, Any]:
    """What the manifest says of the data: source, folder, fingerprint, number of images, and how they were read."""
    collection = store.collection
    source = "simulated" if collection.simulated else str(collection.root)
    return {
        "source": source,
        "root": str(collection.root),
        "fingerprint": store.fingerprint,
        "images": len(collection.files),
        "reading": store.reading,
    }


def _insist(expected: Mapping[str, str], found: Mapping[str, Any]) -> None:
    for name in expected.keys() & found.keys():
        if found[name] != expected[name]:
            raise UserError(
                f"study: {name} was {expected[name]} when the study began and is {found[name]} now; "
                "restore it, or begin a study of another name"
            )


def _identity(run: Run, fold: int | str, tags: tuple[str, ...]) -> RunIdentity:
    """In a study, cells are grouped by study and told apart by model; alone, grouped by model."""
    hydra, model = HydraConfig.get(), run.folder.parent.name
    alone = hydra.mode != RunMode.MULTIRUN
    group, job_type = (model, "fold") if alone else (Path(hydra.sweep.dir).name, model)
    return RunIdentity(run.folder, model, fold, group, job_type, tags, run.manifest, run.resumed)


def _how_to_go_on() -> str:
    hydra = HydraConfig.get()
    named = f" with study.name={Path(hydra.sweep.dir).name}" if hydra.mode == RunMode.MULTIRUN else ""
    return f"the same command{named} goes on from the last whole epoch"


def _tags(store: ImageStore, model: SoftLabelClassifier) -> tuple[str, ...]:
    return (*(["simulated"] if store.collection.simulated else []), f"{model.origin_kind}-start")


def quieten() -> None:
    """Lightning's advertisements and remarks that are not for a user of this program."""
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*Checkpoint directory.*exists and is not empty.*")
    warnings.filterwarnings("ignore", message=".*srun. command is available.*")
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
