"""The study's tables as people read them: rounded, ranked, the best in bold.

A grid is text only, for the page and for the terminal alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from oral_cancer.evaluation.bootstrap import LEVEL
from oral_cancer.evaluation.ensembles import SIMPLE
from oral_cancer.evaluation.predictions import ALL_FOLDS
from oral_cancer.labels import BY_NAME, CLASSES, MIXTURES
from oral_cancer.study.cells import Study

LACKING = "–"
NAN = float("nan")
DIGITS = 4  # the paper's
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


@dataclass(frozen=True)
class Entry:
    """What stands in one place of a grid."""

    text: str
    strong: bool = False


Row = tuple[Entry, ...]


@dataclass(frozen=True)
class Grid:
    """A table to be read.

    Attributes:
        table: the CSV file it is made from, without its suffix.
        columns: heads; the first `keys` of them say what a row is about.
        rows: as many entries as there are columns.
        keys: number of columns that are words, at the left.
        groups: heads above the heads, with the number of columns each spans; none where empty.
    """

    table: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    keys: int = 1
    groups: tuple[tuple[str, int], ...] = ()


def summary(table: pd.DataFrame, models: Sequence[str], figures: Sequence[str] = tuple(FIGURE_NAMES)) -> Grid:
    """Mean (SD) over the folds, the models in the order given, validation before test."""
    cells = {(row["split"], row["metric"], row["model"]): row for row in table.to_dict("records")}
    columns = []
    for split in SPLIT_NAMES:
        for metric in figures:
            rows = [cells.get((split, metric, model), {"mean": NAN, "sd": NAN}) for model in models]
            texts = [mean_sd(row["mean"], row["sd"]) for row in rows]
            columns.append(_column(texts, [row["mean"] for row in rows], metric))
    folds = table[table["split"] == "test"].groupby("model")["n_folds"].max()
    names = [(Entry(model), Entry(str(folds.get(model, LACKING)))) for model in models]
    return Grid(
        "summary",
        ("model", "folds", *[FIGURE_NAMES[metric] for metric in figures] * len(SPLIT_NAMES)),
        tuple((*name, *row) for name, row in zip(names, zip(*columns, strict=True), strict=True)),
        keys=2,
        groups=(("", 2), *((f"{name}, mean (SD)", len(figures)) for name in SPLIT_NAMES.values())),
    )


def ensemble(table: pd.DataFrame, models: Sequence[str]) -> Grid:
    """The figures of every ensemble on the test images, with intervals where there are any."""
    rows = _ranked(table, models).to_dict("records")
    columns = [[Entry(row["model"]) for row in rows], [Entry(ENSEMBLE_NAMES[row["ensemble"]]) for row in rows]]
    for metric in FIGURE_NAMES:
        ends = [(row.get(f"{metric}_low", NAN), row.get(f"{metric}_high", NAN)) for row in rows]
        texts = [with_interval(row[metric], *interval) for row, interval in zip(rows, ends, strict=True)]
        columns.append(_column(texts, [row[metric] for row in rows], metric))
    return Grid("ensemble", ("model", "ensemble", *FIGURE_NAMES.values()), tuple(zip(*columns, strict=True)), keys=2)


def differences(table: pd.DataFrame) -> Grid:
    """The paired differences between the simple ensembles; bold where they remain after Holm's correction."""
    rows = []
    for row in table[table["ensemble"] == SIMPLE].to_dict("records"):
        clear = row["p_holm"] < 1 - LEVEL
        better = row["model_a" if row["difference"] < 0 else "model_b"]
        entries = (
            Entry(f"{row['model_a']} − {row['model_b']}"),
            Entry(with_interval(row["difference"], row["low"], row["high"], signed=True)),
            Entry(_p(row["p"])),
            Entry(_p(row["p_holm"]), clear),
            Entry(better if clear else "not clear", clear),
        )
        rows.append(entries)
    columns = ("models", "difference in RMSE", "p", "p, Holm-corrected", "better")
    return Grid("differences", columns, tuple(rows))


def compositions(table: pd.DataFrame, models: Sequence[str]) -> Grid:
    """For each mixture the true proportions and those of the simple ensembles, raw and calibrated."""
    table = _ranked(table[table["ensemble"] == SIMPLE], models)
    rows: list[Row] = []
    for mixture in MIXTURES:
        of_mixture = table[table["mixture"] == mixture]
        if of_mixture.empty:
            continue
        true = (number(share, 3) for share in BY_NAME[mixture].soft_label)
        rows.append((Entry(mixture, True), Entry("true", True), Entry(""), *(Entry(share, True) for share in true)))
        for row in of_mixture.sort_values(["rank", "calibrated"]).to_dict("records"):
            shares = (with_interval(row[c], row[f"{c}_low"], row[f"{c}_high"], 3) for c in CLASSES)
            kind = "calibrated" if row["calibrated"] else "raw"
            rows.append((Entry(mixture), Entry(row["model"]), Entry(kind), *map(Entry, shares)))
    return Grid("compositions", ("mixture", "model", "", *CLASSES), tuple(rows), keys=3)


def calibrations(table: pd.DataFrame, models: Sequence[str]) -> Grid:
    """What calibration gains in test RMSE."""
    rows = [
        (
            Entry(row["model"]),
            Entry(ENSEMBLE_NAMES[row["ensemble"]]),
            Entry(number(row["rmse"])),
            Entry(number(row["rmse_calibrated"])),
            Entry(number(row["gain"], signed=True), row["gain"] > 0),
        )
        for row in _ranked(table, models).to_dict("records")
    ]
    return Grid("calibrations", ("model", "ensemble", "RMSE, raw", "RMSE, calibrated", "gain"), tuple(rows), keys=2)


def folds(table: pd.DataFrame) -> Grid:
    """The figures of every model, fold and split."""
    return _plain("folds", table, ["model", "fold", "split", *FIGURE_NAMES], FIGURE_NAMES, keys=3)


def classes(table: pd.DataFrame) -> Grid:
    """The figures of every class against the rest, and its row of the confusion matrix."""
    heads = {"auc": "AUC", "f1": "F1"} | {f"predicted_{name}": f"predicted {name}" for name in CLASSES}
    return _plain("classes", table, list(table.columns), heads, keys=4)


def mixtures(table: pd.DataFrame) -> Grid:
    """The mean probabilities of every model and fold for each mixture."""
    heads = {name: f"mean P({name})" for name in CLASSES} | {"share_parental_over_resistant": "parental > resistant"}
    return _plain("mixtures", table, list(table.columns), heads, keys=4)


def cells(study: Study) -> Grid:
    """What became of each cell."""
    rows = []
    for cell in study.cells:
        facts = cell.facts
        finished = cell.status == "complete"
        entries = (
            cell.model,
            str(cell.fold),
            "complete" if finished else cell.fault,
            training_images(facts.get("training_images") or {}),
            str(facts.get("device") or LACKING),
            duration(facts["seconds"]) if facts.get("seconds") else LACKING,
        )
        rows.append(tuple(Entry(text, not finished) for text in entries))
    return Grid("", ("model", "fold", "status", "training images", "device", "duration"), tuple(rows), keys=5)


def training_images(counts: dict[str, int]) -> str:
    """E.g. "576 pure + 512 mixed"."""
    pure = sum(n for name, n in counts.items() if name in CLASSES)
    mixed = sum(counts.values()) - pure
    return " + ".join(f"{n} {kind}" for n, kind in ((pure, "pure"), (mixed, "mixed")) if n) or LACKING


def duration(seconds: float) -> str:
    """E.g. "2 h 05 min", "4 min 30 s"."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def number(value: float, digits: int = DIGITS, signed: bool = False) -> str:
    """E.g. "0.1592", with `signed` "−0.0301" or "+0.0124"; a dash for NaN."""
    if pd.isna(value):
        return LACKING
    return f"{value:{'+' if signed else ''}.{digits}f}".replace("-", "−")


def mean_sd(mean: float, sd: float) -> str:
    """E.g. "0.9900 (0.0107)"; a dash for what there is not, such as the SD of one fold."""
    return LACKING if pd.isna(mean) else f"{number(mean)} ({number(sd)})"


def with_interval(value: float, low: float, high: float, digits: int = DIGITS, signed: bool = False) -> str:
    """E.g. "0.1592 [0.1480, 0.1711]"; without an interval the value alone."""
    if pd.isna(low):
        return number(value, digits, signed)
    return f"{number(value, digits, signed)} [{number(low, digits, signed)}, {number(high, digits, signed)}]"


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _column(texts: Sequence[str], values: Sequence[float], metric: str) -> list[Entry]:
    """The best as it is printed in bold; none where there is nothing to choose from."""
    printed = pd.Series(values, dtype=float).round(DIGITS)
    best = printed.min() if metric == "rmse" else printed.max()
    choice = printed.notna().sum() > 1
    return [Entry(text, bool(choice and value == best)) for text, value in zip(texts, printed, strict=True)]


def _ranked(table: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    rank = table["model"].map({model: place for place, model in enumerate(models)})
    return table.assign(rank=rank).sort_values("rank", kind="stable")


def _plain(name: str, table: pd.DataFrame, columns: list[str], heads: dict[str, str], keys: int) -> Grid:
    in_sample = (table["split"] == "val") & (table["fold"] == ALL_FOLDS)
    split = table["split"].map(SPLIT_NAMES).mask(in_sample, "validation, in-sample")
    rows = [
        tuple(Entry(number(value) if isinstance(value, float) else str(value)) for value in row)
        for row in table.assign(split=split)[columns].itertuples(index=False)
    ]
    return Grid(name, tuple(heads.get(column, column) for column in columns), tuple(rows), keys)
