"""The figures of experiments and their ensembles as grids, which a study's page and a model card share."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from oral_cancer.evaluation.ensembles import SIMPLE
from oral_cancer.evaluation.predictions import classes_of, true_columns
from oral_cancer.pages.compositions import ESTIMATOR_NAMES
from oral_cancer.pages.grids import LACKING, Entry, Grid, Row, best_in_bold, mean_sd, number, with_interval

NAN = float("nan")
IMAGES = "images"
"""What the row is called that says of how many each figure is."""
SPLIT_NAMES = {"val": "validation", "test": "test"}
FIGURE_NAMES = {
    "accuracy": "accuracy",
    "f1_macro": "macro F1",
    "auc_macro": "macro AUC",
    "rmse": "RMSE",
}
ENSEMBLE_NAMES = {
    SIMPLE: "simple mean",
    "weighted_accuracy": "weighted by accuracy",
    "weighted_f1": "weighted by macro F1",
}


def summary(
    table: pd.DataFrame,
    experiments: Sequence[str],
    figures: Sequence[str] = tuple(FIGURE_NAMES),
    yardsticks: pd.DataFrame | None = None,
) -> Grid:
    """Mean (SD) over the trainings of the figures that there are, the experiments in the order given, validation first.

    Below them the same of the yardsticks, which are never the best, and the number of images of each figure.
    """
    figures = [metric for metric in figures if (table["metric"] == metric).any()]
    splits = {split: name for split, name in SPLIT_NAMES.items() if (table["split"] == split).any()}
    beside = list(dict.fromkeys(yardsticks["experiment"])) if yardsticks is not None else []
    whole = pd.concat([table, yardsticks]) if beside else table
    found = {(row["split"], row["metric"], row["experiment"]): row for row in whole.to_dict("records")}
    columns = []
    for split in splits:
        for metric in figures:
            rows = [found.get((split, metric, name), {"mean": NAN, "sd": NAN}) for name in (*experiments, *beside)]
            texts = [mean_sd(row["mean"], row["sd"]) for row in rows]
            of_experiments = len(experiments)
            column = best_in_bold(
                texts[:of_experiments], [row["mean"] for row in rows[:of_experiments]], metric == "rmse"
            )
            n = max((row["n"] for row in rows if "n" in row), default=LACKING)
            columns.append([*column, *map(Entry, texts[of_experiments:]), Entry(str(n))])
    runs = table.groupby("experiment")["n_runs"].max()
    names = [(Entry(name), Entry(str(runs.get(name, LACKING)))) for name in experiments]
    names += [(Entry(name), Entry("")) for name in beside] + [(Entry(IMAGES), Entry(""))]
    return Grid(
        "summary",
        ("experiment", "runs", *[FIGURE_NAMES[metric] for metric in figures] * len(splits)),
        tuple((*name, *row) for name, row in zip(names, zip(*columns, strict=True), strict=True)),
        keys=2,
        groups=(("", 2), *((f"{name}, mean (SD)", len(figures)) for name in splits.values())),
    )


def ensemble(
    table: pd.DataFrame,
    experiments: Sequence[str],
    kinds: Sequence[str] = (SIMPLE,),
    yardsticks: pd.DataFrame | None = None,
) -> Grid:
    """The figures of ensembles on the test images, with intervals where there are any; yardsticks and images below."""
    own = ranked(table[table["ensemble"].isin(kinds)], experiments)
    whole = pd.concat([own, yardsticks]) if yardsticks is not None and len(yardsticks) else own
    rows = whole.to_dict("records")
    columns = [[Entry(row["experiment"]) for row in rows] + [Entry(IMAGES)]]
    if len(kinds) > 1:
        columns.append([Entry(ENSEMBLE_NAMES[row["ensemble"]]) for row in rows] + [Entry("")])
    keys = len(columns)
    shown = [metric for metric in FIGURE_NAMES if table[metric].notna().any()]
    for metric in shown:
        ends = [(row.get(f"{metric}_low", NAN), row.get(f"{metric}_high", NAN)) for row in rows]
        texts = [with_interval(row[metric], *interval) for row, interval in zip(rows, ends, strict=True)]
        column = best_in_bold(texts[: len(own)], own[metric].tolist(), metric == "rmse")
        n = table["n_mixed" if metric == "rmse" else "n_pure"].max()
        columns.append([*column, *map(Entry, texts[len(own) :]), Entry(str(n))])
    heads = (*("experiment", "ensemble")[:keys], *(FIGURE_NAMES[metric] for metric in shown))
    return Grid("ensemble", heads, tuple(zip(*columns, strict=True)), keys)


def compositions(table: pd.DataFrame, experiments: Sequence[str], yardsticks: pd.DataFrame | None = None) -> Grid:
    """For each mixture and class its images and true proportions, and by experiment estimate and raw mean.

    Below them the estimates of the yardsticks.
    """
    classes = classes_of(table)
    table = ranked(table[table["ensemble"] == SIMPLE], experiments)
    beside = yardsticks[yardsticks["calibrated"]] if yardsticks is not None else table.iloc[:0]
    rows: list[Row] = []
    for mixture in table.sort_index()["mixture"].drop_duplicates():
        of_mixture = table[table["mixture"] == mixture]
        true = (number(share, 3) for share in of_mixture[true_columns(classes)].to_numpy()[0])
        n = f"n = {of_mixture['n'].max()}"
        rows.append((Entry(mixture, True), Entry("true", True), Entry(n), *(Entry(share, True) for share in true)))
        of_experiments = of_mixture.sort_values(["rank", "calibrated"], ascending=[True, False])
        for row in pd.concat([of_experiments, beside[beside["mixture"] == mixture]]).to_dict("records"):
            shares = (with_interval(row[c], row[f"{c}_low"], row[f"{c}_high"], 3) for c in classes)
            kind = "estimate" if row["calibrated"] else ESTIMATOR_NAMES[row["estimator"]]
            rows.append((Entry(mixture), Entry(row["experiment"]), Entry(kind), *map(Entry, shares)))
    return Grid("compositions", ("culture", "experiment", "", *classes), tuple(rows), keys=3)


def estimators(table: pd.DataFrame, experiments: Sequence[str], yardsticks: pd.DataFrame | None = None) -> Grid:
    """How far off each estimator of compositions is, the chosen one in bold with the coverage of its intervals.

    Below them, not in bold, those that are chosen for the yardsticks.
    """
    errors = [name for name in map(str, table.columns) if name.startswith(("val_", "test_"))]

    def row_of(row: Mapping[Hashable, Any], strong: bool) -> Row:
        covered = f"{row['covered']:.0%}" if row["covered"] == row["covered"] else LACKING
        figures = (Entry(number(row[name], 3), strong) for name in errors)
        names = (Entry(row["experiment"]), Entry(ESTIMATOR_NAMES[row["estimator"]], strong))
        return (*names, *figures, Entry(covered), Entry(number(row["width"], 3)))

    rows = [row_of(row, row["headline"]) for row in ranked(table, experiments).to_dict("records")]
    if yardsticks is not None:
        rows += [row_of(row, False) for row in yardsticks[yardsticks["headline"]].to_dict("records")]
    return Grid(
        "estimators",
        ("experiment", "estimator", "mixtures", "ratio left out", "pure", "mixtures", "pure", "covered", "width"),
        tuple(rows),
        keys=2,
        groups=(("", 2), ("validation", 3), ("test", 2), ("95 % intervals", 2)),
    )


def ranked(table: pd.DataFrame, experiments: Sequence[str]) -> pd.DataFrame:
    """A table's rows in the order of these experiments, their place in a column `rank`."""
    rank = table["experiment"].map({name: place for place, name in enumerate(experiments)})
    return table.assign(rank=rank).sort_values("rank", kind="stable")
