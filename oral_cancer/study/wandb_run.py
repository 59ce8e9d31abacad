"""A study's tables, plots and page as one W&B run beside those of its cells."""

from pathlib import Path

import pandas as pd
import wandb
from omegaconf import DictConfig

from oral_cancer.pages.colours import model_colours
from oral_cancer.study import plots
from oral_cancer.study.aggregate import ranking
from oral_cancer.study.cells import Study
from oral_cancer.training.loggers import start_wandb


def log_study(study: Study, tables: dict[str, pd.DataFrame], page: Path, logger: DictConfig) -> None:
    """Log a study as the run "study" of its own group.

    Its summary holds the ensembles' figures as "<model>/<ensemble>/<metric>", and the means over the folds as
    "<model>/<split>/<metric>/mean", as summary.csv and ensemble.csv have them.

    Args:
        study: the finished cells.
        tables: of the study, by name.
        page: report.html; the tables lie in `tables/` beside it.
        logger: the settings of `logger=wandb`.
    """
    tags = ["simulated"] if study.simulated else []
    run = start_wandb(
        logger.project,
        logger.save_dir,
        group=study.name,
        job_type="study",
        name=" ".join(["study", study.name, *tags]),
        tags=tags,
        config={"cells": len(study.cells), "finished": len(study.complete), "folder": str(study.folder)},
    )
    try:
        run.summary.update(_figures(tables))
        shown = {name: wandb.Table(dataframe=tables[name].astype({"model": str})) for name in ("summary", "ensemble")}
        models = ranking(tables["summary"])
        panels = plots.by_model(tables, models, model_colours(list(dict.fromkeys(cell.model for cell in study.cells))))
        run.log(shown | {panel.title: wandb.Image(panel.figure) for panel in panels})
        report = wandb.Artifact(f"report-{run.id}", type="report")
        report.add_file(str(page))
        report.add_dir(str(page.parent / "tables"), name="tables")
        run.log_artifact(report)
    finally:
        run.finish()


def _figures(tables: dict[str, pd.DataFrame]) -> dict[str, float]:
    means = {
        f"{row['model']}/{row['split']}/{row['metric']}/mean": float(row["mean"])
        for row in tables["summary"].to_dict("records")
    }
    ensembles = {
        f"{row['model']}/{row['ensemble']}/{metric}": float(row[metric])
        for row in tables["ensemble"].to_dict("records")
        for metric in ("accuracy", "f1_macro", "rmse")
    }
    return means | ensembles
