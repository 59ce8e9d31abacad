"""Where curves go beside the run's own files: W&B, CSV, TensorBoard or nowhere."""

import shutil
from collections.abc import Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torchvision
import wandb
from numpy.typing import NDArray
from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

from oral_cancer.command import described
from oral_cancer.data.store import ImageStore
from oral_cancer.privacy import redacted
from oral_cancer.tracking import artifacts
from oral_cancer.tracking.artifacts import TrainingFiles
from oral_cancer.tracking.config import chosen
from oral_cancer.tracking.curves import CurveLogger, figures_of
from oral_cancer.tracking.start import start_wandb
from oral_cancer.tracking.tables import plots, show, table, to_look_at
from oral_cancer.training.folder import RunFolder
from oral_cancer.training.run import ALONE, Run


def title(run: Run, marks: Sequence[str]) -> str:
    """E.g. "m5/fold0 simulated"."""
    return " ".join([f"{run.experiment}/{run.name.training.replace('=', '')}", *marks])


def wandb_logger(
    run: Run, folder: RunFolder, marks: Sequence[str], project: str, save_dir: str, tags: Sequence[str] = ()
) -> Logger:
    """A W&B run: online if the user is logged in and the server answers, else offline below `save_dir`.

    Args:
        run: what is trained.
        folder: where, with the run's W&B id in its manifest.
        marks: what a reader must know at a glance, e.g. "simulated".
        project: of W&B.
        save_dir: folder for W&B's own files.
        tags: the user's own, beside those of WANDB_TAGS.
    """
    named = {"experiment": run.experiment, "study": run.study, "fold": run.fold}
    config = named | chosen(folder.manifest["config"], folder.manifest)
    options = {
        "id": folder.manifest["wandb_id"],
        "resume": "allow" if folder.resumed else None,
        "group": run.group,
        "job_type": run.job_type,
        "name": title(run, marks),
        "tags": [*marks, *tags],
        "config": redacted(config) if run.private else config,
    }
    begun = start_wandb(project, save_dir, run.private, **options)
    if not begun.offline and begun.url:
        folder.record(wandb_url=begun.url)
    of_training = files_of(run, folder.path, folder.manifest)
    artifacts.use(begun, [of_training.data])
    artifacts.log(begun, of_training.settings(Path(begun.settings.files_dir)))
    return CurveLogger(begun)


def files_of(run: Run, folder: Path, manifest: Mapping[str, Any]) -> TrainingFiles:
    """What W&B's artifacts of a training are made from."""
    return TrainingFiles(folder, run.study or ALONE.name, run.name.path, manifest, run.private)


def csv_logger(run: Run, folder: RunFolder, marks: Sequence[str]) -> Logger:
    """metrics.csv in the run's folder `csv`; a training that goes on writes to `csv.1`, and so on."""
    names = chain(["csv"], (f"csv.{number}" for number in count(1)))
    free = next(name for name in names if not (folder.path / name).exists())
    return CSVLogger(folder.path, name=None, version=free)


def tensorboard_logger(run: Run, folder: RunFolder, marks: Sequence[str]) -> Logger:
    """Event files in the run's folder."""
    return TensorBoardLogger(folder.path, name=None, version="tensorboard")


def no_logger(run: Run, folder: RunFolder, marks: Sequence[str]) -> bool:
    """What Lightning takes for no logger."""
    return False


def log_training_batch(logger: Any, run: Run, data: Any) -> None:
    """Show one augmented training batch as a picture, unless the run is private."""
    if isinstance(logger, WandbLogger) and not run.private:
        images, _ = data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)
        grid = torchvision.utils.make_grid(images.cpu().byte().permute(0, 3, 1, 2), nrow=8)
        shown = wandb.Image(grid.permute(1, 2, 0).numpy(), file_type="jpg")
        logger.experiment.log({"images/augmented_batch": shown})


def log_again(logger: Any, epochs: Sequence[Mapping[str, str]]) -> None:
    """Log former epochs again where an offline W&B run goes on, whose former folder goes.

    W&B begins another folder at every start, and of several with one id it uploads one.

    Args:
        logger: of the run.
        epochs: rows of history.csv before the epoch that the run goes on with; none where it starts anew.
    """
    if not isinstance(logger, WandbLogger):
        return
    here = Path(logger.experiment.settings.sync_dir)
    former = [folder for folder in here.parent.glob(f"offline-run-*-{logger.experiment.id}") if folder != here]
    if former or logger.experiment.offline:
        for row in epochs:
            logger.log_metrics(figures_of(row) | {"epoch": int(row["epoch"])}, step=int(row["steps"]) - 1)
    for folder in former:
        shutil.rmtree(folder)


def log_results(
    logger: Any, run: Run, store: ImageStore, facts: Mapping[str, Any], metrics: dict[str, Any], found: pd.DataFrame
) -> None:
    """Hand over the figures of a run; to W&B also its network and predictions, plots of them, and mixtures.

    Args:
        logger: of the run.
        run: which has ended, its files in its folder.
        store: its images, of which W&B is shown a few.
        facts: its manifest.
        metrics: as metrics.json has them.
        found: the predictions.
    """
    if not isinstance(logger, Logger):
        return
    if not isinstance(logger, WandbLogger):
        logger.log_metrics(summary(metrics))
        return
    wandb_run = logger.experiment
    rows = {file.path: row for row, file in enumerate(store.collection.files)}

    def picture(file: str) -> NDArray[np.uint8]:
        return np.asarray(store.images[rows[file]])

    wandb_run.summary.update(summary(metrics))
    panels = {"predictions/images": table(found, to_look_at(found), picture), **dict(plots(found))}
    for split, sets in metrics.items():
        if "hetero" in sets:
            mixtures = pd.DataFrame.from_dict(sets["hetero"]["mixtures"], orient="index")
            panels[f"{split}/mixtures"] = wandb.Table(dataframe=mixtures.reset_index(names="mixture"))
    show(wandb_run, run.private, panels)
    made = files_of(run, run.folder, facts)
    artifacts.log(wandb_run, made.network, made.predictions)


def summary(metrics: dict[str, Any]) -> dict[str, float]:
    """The figures of a run by which runs are compared, as flat names: "test/accuracy", "val/rmse"."""
    figures: dict[str, float] = {}
    for split, sets in metrics.items():
        for image_set, names in (("homo", ("accuracy", "f1_macro", "auc_macro")), ("hetero", ("rmse",))):
            found = sets.get(image_set, {})
            figures |= {f"{split}/{name}": found[name] for name in names if found.get(name) is not None}
    return figures


def finish(logger: Any, run: Run, error: BaseException | None = None) -> None:
    """Close a W&B run, so that it is whole on disk; one that failed, and was not stopped, sends an alert before."""
    if not isinstance(logger, WandbLogger):
        return
    if isinstance(error, Exception):
        said = described(error)
        logger.experiment.alert(f"{title(run, ())} failed"[-63:], redacted(said) if run.private else said, "ERROR")
    logger.experiment.finish(exit_code=int(error is not None))
