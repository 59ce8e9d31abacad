"""Where curves go beside the run's own files: W&B, CSV, TensorBoard or nowhere."""

import logging
import netrc
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import torchvision
import wandb
from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

from oral_cancer.labels import CLASSES
from oral_cancer.models import SoftLabelClassifier
from oral_cancer.training.folder import RunFolder
from oral_cancer.training.run import Run

START_TIMEOUT = 10.0  # seconds that a process waits, once, for the W&B server


def title(run: Run, marks: Sequence[str]) -> str:
    """E.g. "m5/fold0 simulated"."""
    return " ".join([f"{run.experiment}/fold{run.fold}", *marks])


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


def start_wandb(project: str, save_dir: str, **options: Any) -> wandb.Run:
    """A new W&B run; online if the user is logged in and the server answers in time, else offline."""
    Path(save_dir, "wandb").mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("WANDB_SILENT", "true")
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # W&B's telemetry, whose failures are nobody's
    _keep_out_of_home(Path(save_dir, "wandb").resolve())
    options = {"id": secrets.token_hex(8), "project": project, "dir": save_dir} | options
    given = [tag.strip() for tag in os.environ.get("WANDB_TAGS", "").split(",") if tag.strip()]
    options["tags"] = list(dict.fromkeys([*options.get("tags", []), *given]))  # which W&B would forget for ours
    mode: Any = os.environ.get("WANDB_MODE") or ("online" if _logged_in() else "offline")
    try:
        return wandb.init(**options, mode=mode, settings=wandb.Settings(init_timeout=START_TIMEOUT))
    except wandb.Error as error:
        said = str(error).partition("\n")[0]
        print(f"W&B does not answer ({said}); the run is kept offline below {save_dir}/wandb", flush=True)
        wandb.teardown()  # its service still holds the run's id
        for begun in Path(save_dir, "wandb").glob(f"run-*-{options['id']}"):
            shutil.rmtree(begun)
        os.environ["WANDB_MODE"] = "offline"  # nor do later runs of this process wait
        return wandb.init(**options, mode="offline")


def _keep_out_of_home(folder: Path) -> None:
    """Let W&B put what it stages and caches below a folder, unless the user's environment says where.

    Its settings are read from home, where the user has logged in, if there are any.
    """
    places = {"WANDB_DATA_DIR": ".data", "WANDB_CACHE_DIR": ".cache", "WANDB_ARTIFACT_DIR": ".artifacts"}
    if not (Path.home() / ".config" / "wandb").exists():
        places["WANDB_CONFIG_DIR"] = ".config"
    for variable, name in places.items():
        os.environ.setdefault(variable, str(folder / name))


def _facts(manifest: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in manifest.items() if name not in ("config", "status")}


def _logged_in() -> bool:
    settings = wandb.setup().settings
    if settings.api_key or settings.identity_token_file:
        return True
    try:
        known = netrc.netrc(os.environ.get("NETRC") or Path.home() / ".netrc")
    except (OSError, netrc.NetrcParseError):
        return False
    return known.authenticators(urlsplit(settings.base_url).hostname or "") is not None


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
        grid = torchvision.utils.make_grid(images.cpu().permute(0, 3, 1, 2), nrow=8)
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
    test = metrics["test"]
    confusion: Any = [[cls, *row] for cls, row in zip(CLASSES, test["homo"]["confusion"], strict=True)]
    mixtures = pd.DataFrame.from_dict(test["hetero"]["mixtures"], orient="index").reset_index(names="mixture")
    run.log(
        {
            "test confusion matrix": wandb.Table(["true", *CLASSES], confusion),
            "test mixtures": wandb.Table(dataframe=mixtures),
            "predictions": wandb.Table(dataframe=predictions.astype({"fold": str})),
        }
    )


def summary(metrics: dict[str, Any]) -> dict[str, float]:
    """The figures of a run by which runs are compared, as flat names: "test/accuracy", "val/rmse"."""
    figures: dict[str, float] = {}
    for split, sets in metrics.items():
        homo, hetero = sets["homo"], sets["hetero"]
        figures |= {f"{split}/{name}": homo[name] for name in ("accuracy", "f1_macro", "auc_macro")}
        figures[f"{split}/rmse"] = hetero["rmse"]
    return figures


def finish(logger: Any, failed: bool) -> None:
    """Close a W&B run, so that it is whole on disk."""
    if isinstance(logger, WandbLogger):
        logger.experiment.finish(exit_code=int(failed))
