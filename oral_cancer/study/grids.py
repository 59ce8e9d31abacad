"""The grids that only a study's page has, beside those of `pages.figures`."""

from collections.abc import Sequence

import pandas as pd

from oral_cancer.evaluation.bootstrap import LEVEL
from oral_cancer.evaluation.ensembles import SIMPLE
from oral_cancer.evaluation.predictions import ALL_FOLDS
from oral_cancer.pages.figures import FIGURE_NAMES, SPLIT_NAMES
from oral_cancer.pages.grids import LACKING, Entry, Grid, number, with_interval
from oral_cancer.study.progress import duration
from oral_cancer.study.runs import Study


def differences(table: pd.DataFrame) -> Grid:
    """The paired differences between the simple ensembles; bold where they remain after Holm's correction."""
    rows = []
    for row in table[table["ensemble"] == SIMPLE].to_dict("records"):
        clear = row["p_holm"] < 1 - LEVEL
        better = row["experiment_a" if row["difference"] < 0 else "experiment_b"]
        entries = (
            Entry(f"{row['experiment_a']} − {row['experiment_b']}"),
            Entry(with_interval(row["difference"], row["low"], row["high"], signed=True)),
            Entry(_p(row["p"])),
            Entry(_p(row["p_holm"]), clear),
            Entry(better if clear else "not clear", clear),
        )
        rows.append(entries)
    columns = ("experiments", "difference in RMSE", "p", "p, Holm-corrected", "better")
    return Grid("differences", columns, tuple(rows))


def folds(table: pd.DataFrame) -> Grid:
    """The figures of every run and split."""
    shown = [metric for metric in FIGURE_NAMES if table[metric].notna().any()]
    return _plain("folds", table, ["experiment", "fold", "split", *shown], FIGURE_NAMES, keys=3)


def classes(table: pd.DataFrame) -> Grid:
    """The figures of every class against the rest, and its row of the confusion matrix."""
    heads = {"auc": "AUC", "f1": "F1"} | {
        name: name.replace("_", " ", 1) for name in table.columns if name.startswith("predicted_")
    }
    return _plain("classes", table, list(table.columns), heads, keys=4)


def mixtures(table: pd.DataFrame, classes: Sequence[str]) -> Grid:
    """The mean probabilities of every run for each mixture."""
    heads = {name: f"mean P({name})" for name in classes} | {
        name: name.removeprefix("share_").replace("_over_", " > ")
        for name in table.columns
        if name.startswith("share_") and name not in classes
    }
    return _plain("mixtures", table, list(table.columns), heads, keys=4)


def runs(study: Study) -> Grid:
    """What became of each run."""
    rows = []
    for run in study.runs:
        facts = run.facts
        finished = run.status == "complete"
        entries = (
            run.experiment,
            str(run.fold),
            "complete" if finished else run.fault,
            training_images(facts.get("training_images") or {}, study.classes),
            str(facts.get("device") or LACKING),
            duration(facts["seconds"]) if facts.get("seconds") else LACKING,
        )
        rows.append(tuple(Entry(text, not finished) for text in entries))
    return Grid("", ("experiment", "fold", "status", "training images", "device", "duration"), tuple(rows), keys=5)


def training_images(counts: dict[str, int], classes: Sequence[str]) -> str:
    """E.g. "576 pure + 512 mixed"."""
    pure = sum(n for name, n in counts.items() if name in classes)
    mixed = sum(counts.values()) - pure
    return " + ".join(f"{n} {kind}" for n, kind in ((pure, "pure"), (mixed, "mixed")) if n) or LACKING


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _plain(name: str, table: pd.DataFrame, columns: list[str], heads: dict[str, str], keys: int) -> Grid:
    in_sample = (table["split"] == "val") & (table["fold"] == ALL_FOLDS)
    split = table["split"].map(SPLIT_NAMES).mask(in_sample, "validation, in-sample")
    rows = [
        tuple(Entry(number(value) if isinstance(value, float) else str(value)) for value in row)
        for row in table.assign(split=split)[columns].itertuples(index=False)
    ]
    return Grid(name, tuple(heads.get(column, column) for column in columns), tuple(rows), keys)
