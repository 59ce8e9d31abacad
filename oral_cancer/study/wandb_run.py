"""A study's tables, plots and page as one W&B run beside those of its trainings."""

from pathlib import Path

import pandas as pd
import wandb
from omegaconf import DictConfig

from oral_cancer.pages.colours import experiment_colours
from oral_cancer.study import plots
from oral_cancer.study.aggregate import ranking
from oral_cancer.study.runs import Study
from oral_cancer.study.tracked import marks, training_files
from oral_cancer.tracking import artifacts
from oral_cancer.tracking.identity import artifact_name, key
from oral_cancer.tracking.start import start_wandb
from oral_cancer.tracking.tables import show

LOGGED = ("summary", "ensemble")


def log_study(study: Study, tables: dict[str, pd.DataFrame], page: Path, logger: DictConfig) -> None:
    """Log a study as the run "study" of its own group, made from its runs' predictions.

    Its summary holds the ensembles' figures as "<experiment>/<ensemble>/<metric>", and the means over the folds as
    "<experiment>/<split>/<metric>/mean", as summary.csv and ensemble.csv have them.

    Args:
        study: its finished runs.
        tables: of the study, by name.
        page: report.html; the tables lie in `tables/` beside it.
        logger: the settings of `logger=wandb`.
    """
    place = {} if study.private else {"folder": str(study.folder)}
    run = start_wandb(
        logger.project,
        logger.save_dir,
        private=study.private,
        group=study.name,
        job_type="study",
        name=" ".join(["study", study.name, *marks(study)]),
        tags=marks(study),
        config={"study": study.name, "runs": len(study.runs), "finished": len(study.complete)} | place,
    )
    try:
        artifacts.use(run, (training_files(study, one).predictions for one in study.complete))
        run.summary.update(_figures(tables))
        logged = {
            key("tables", name): wandb.Table(dataframe=tables[name].astype({"experiment": str})) for name in LOGGED
        }
        show(run, study.private, logged)
        colours = experiment_colours(list(dict.fromkeys(run.experiment for run in study.runs)))
        panels = plots.by_experiment(tables, ranking(tables["summary"]), colours)
        run.log({key("plots", panel.title): wandb.Image(panel.figure) for panel in panels})
        files = [page, *sorted((page.parent / "tables").iterdir())]
        report = artifacts.of_files(
            artifact_name("report", study.name), "report", files, study.private, below=page.parent
        )
        artifacts.log(run, report)
    finally:
        run.finish()


def _figures(tables: dict[str, pd.DataFrame]) -> dict[str, float]:
    means = {
        f"{row['experiment']}/{row['split']}/{row['metric']}/mean": float(row["mean"])
        for row in tables["summary"].to_dict("records")
    }
    ensembles = {
        f"{row['experiment']}/{row['ensemble']}/{metric}": float(row[metric])
        for row in tables["ensemble"].to_dict("records")
        for metric in ("accuracy", "f1_macro", "rmse")
    }
    return means | ensembles
