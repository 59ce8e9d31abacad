"""Where curves go beside the run's own files: W&B, CSV, TensorBoard or nowhere."""

import shutil
from collections.abc import Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

import pandas as pd
import torchvision
import wandb
from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

from oral_cancer.evaluation.predictions import classes_of
from oral_cancer.models import SoftLabelClassifier
from oral_cancer.training.folder import RunFolder
from oral_cancer.training.run import Run
from oral_cancer.wandb_start import start_wandb


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
    options = {
        "id": folder.manifest["wandb_id"],
        "resume": "allow" if folder.resumed else None,
        "group": run.group,
        "job_type": run.job_type,
        "name": title(run, marks),
        "tags": [*marks, *tags],
        "config": folder.manifest["config"] | {"manifest": _facts(folder.manifest)},
    }
    return WandbLogger(experiment=start_wandb(project, save_dir, **options))


def _facts(manifest: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in manifest.items() if name not in ("config", "status")}


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


def log_training_batch(logger: Any, data: Any) -> None:
    """Show one augmented training batch as a picture."""
    if isinstance(logger, WandbLogger):
        images, _ = data.on_after_batch_transfer(next(iter(data.train_dataloader())), 0)
        grid = torchvision.utils.make_grid(images.cpu().byte().permute(0, 3, 1, 2), nrow=8)
        logger.experiment.log({"augmented batch": wandb.Image(grid.permute(1, 2, 0).numpy(), file_type="jpg")})


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
            figures = {name: float(row[name]) for name in SoftLabelClassifier.MEASURED if row.get(name)}
            logger.log_metrics(figures | {"epoch": int(row["epoch"])}, step=int(row["steps"]) - 1)
    for folder in former:
        shutil.rmtree(folder)


def log_results(logger: Any, metrics: dict[str, Any], predictions: pd.DataFrame) -> None:
    """Hand over the figures of a run; to W&B also confusion matrices, mixtures and predictions as tables."""
    if not isinstance(logger, Logger):
        return
    if not isinstance(logger, WandbLogger):
        logger.log_metrics(summary(metrics))
        return
    run = logger.experiment
    run.summary.update(summary(metrics))
    tables = {"predictions": wandb.Table(dataframe=predictions.astype({"fold": str}))}
    classes = classes_of(predictions)
    for split, sets in metrics.items():
        if "homo" in sets:
            confusion: Any = [[cls, *row] for cls, row in zip(classes, sets["homo"]["confusion"], strict=True)]
            tables[f"{split} confusion matrix"] = wandb.Table(["true", *classes], confusion)
        if "hetero" in sets:
            mixtures = pd.DataFrame.from_dict(sets["hetero"]["mixtures"], orient="index")
            tables[f"{split} mixtures"] = wandb.Table(dataframe=mixtures.reset_index(names="mixture"))
    run.log(tables)


def summary(metrics: dict[str, Any]) -> dict[str, float]:
    """The figures of a run by which runs are compared, as flat names: "test/accuracy", "val/rmse"."""
    figures: dict[str, float] = {}
    for split, sets in metrics.items():
        for image_set, names in (("homo", ("accuracy", "f1_macro", "auc_macro")), ("hetero", ("rmse",))):
            found = sets.get(image_set, {})
            figures |= {f"{split}/{name}": found[name] for name in names if found.get(name) is not None}
    return figures


def finish(logger: Any, failed: bool) -> None:
    """Close a W&B run, so that it is whole on disk."""
    if isinstance(logger, WandbLogger):
        logger.experiment.finish(exit_code=int(failed))
