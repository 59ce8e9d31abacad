"""The grids that only a study's page has, beside those of `pages.figures`."""

from collections.abc import Sequence

import pandas as pd

from oral_cancer.evaluation.bootstrap import LEVEL
from oral_cancer.evaluation.predictions import ALL_FOLDS, SEEDS
from oral_cancer.evaluation.tables import KEYS
from oral_cancer.pages.figures import FIGURE_NAMES, SPLIT_NAMES
from oral_cancer.pages.grids import LACKING, Entry, Grid, number, with_interval
from oral_cancer.study.progress import duration
from oral_cancer.study.runs import Study


def differences(table: pd.DataFrame) -> Grid:
    """The differences between experiments; where they were tested bold if they remain after Holm's correction."""
    tested = table["p"].notna().any()
    name = FIGURE_NAMES[str(table["metric"].iat[0])] if len(table) else ""
    rows = []
    for row in table.to_dict("records"):
        entries = [
            Entry(f"{row['experiment_a']} − {row['experiment_b']}"),
            Entry(with_interval(row["difference"], row["low"], row["high"], signed=True)),
        ]
        if tested:
            clear = row["p_holm"] < 1 - LEVEL
            lower = row["experiment_a" if row["difference"] < 0 else "experiment_b"]
            said = f"{lower} is lower" if clear else "not told apart" if pd.notna(row["p"]) else "not tested"
            entries += [Entry(str(row["trainings"])), Entry(_p(row["p"])), Entry(_p(row["p_holm"]), clear)]
            entries.append(Entry(said, clear))
        rows.append(tuple(entries))
    columns = ("seeds", "p", "p, Holm-corrected", "found") if tested else ()
    return Grid("differences", ("experiments", f"difference in {name}", *columns), tuple(rows))


def groups(table: pd.DataFrame, experiment: str) -> Grid:
    """The figures of one experiment by group."""
    shown = [name for name in ("accuracy", "rmse") if table[name].notna().any()]
    rows = [
        tuple(
            map(Entry, (SPLIT_NAMES[row["split"]], row["group"], str(row["n"]), *(number(row[name]) for name in shown)))
        )
        for row in table[table["experiment"] == experiment].to_dict("records")
    ]
    return Grid("groups", ("split", "group", "images", *(FIGURE_NAMES[name] for name in shown)), tuple(rows), keys=2)


def folds(table: pd.DataFrame) -> Grid:
    """The figures of every run and split."""
    shown = [metric for metric in FIGURE_NAMES if table[metric].notna().any()]
    return _plain("folds", table, [*KEYS, *shown], FIGURE_NAMES, len(KEYS), "validation, pure in-sample")


def classes(table: pd.DataFrame) -> Grid:
    """The figures of every class against the rest, and its row of the confusion matrix."""
    heads = {"auc": "AUC", "f1": "F1"} | {
        name: name.replace("_", " ", 1) for name in table.columns if name.startswith("predicted_")
    }
    return _plain("classes", table, list(table.columns), heads, len(KEYS) + 1, "validation, in-sample")


def mixtures(table: pd.DataFrame, classes: Sequence[str]) -> Grid:
    """The mean probabilities of every run for each mixture."""
    heads = {name: f"mean P({name})" for name in classes} | {
        name: name.removeprefix("share_").replace("_over_", " > ")
        for name in table.columns
        if name.startswith("share_") and name not in classes
    }
    return _plain("mixtures", table, list(table.columns), heads, len(KEYS) + 1)


def runs(study: Study) -> Grid:
    """What became of each run, with a link to those that are online in W&B."""
    rows = []
    online = any(run.wandb_url for run in study.runs)
    for run in study.runs:
        facts = run.facts
        finished = run.status == "complete"
        entries = (
            run.experiment,
            run.run.training.removeprefix("fold=").replace(",", ", ").replace("_", " ").replace("=", " "),
            "complete" if finished else run.fault,
            training_images(facts.get("training_images") or {}, study.classes),
            str(facts.get("device") or LACKING),
            duration(facts["seconds"]) if facts.get("seconds") else LACKING,
        )
        links = (Entry("run" if run.wandb_url else LACKING, link=run.wandb_url),) if online else ()
        rows.append((*(Entry(text, not finished) for text in entries), *links))
    heads = ("experiment", "fold", "status", "training images", "device", "duration", *(["W&B"] if online else []))
    return Grid("", heads, tuple(rows), keys=5)


def training_images(counts: dict[str, int], classes: Sequence[str]) -> str:
    """E.g. "576 pure + 512 mixed"."""
    pure = sum(n for name, n in counts.items() if name in classes)
    mixed = sum(counts.values()) - pure
    return " + ".join(f"{n} {kind}" for n, kind in ((pure, "pure"), (mixed, "mixed")) if n) or LACKING


def _p(p: float) -> str:
    return LACKING if pd.isna(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def _plain(
    name: str, table: pd.DataFrame, columns: list[str], heads: dict[str, str], keys: int, in_sample: str = ""
) -> Grid:
    """A table as it is, without seeds of which there is one; `in_sample` is what validation of all folds is called."""
    same = [seed for seed in SEEDS if table[seed].nunique() < 2]
    columns = [column for column in columns if column not in same]
    split = table["split"].map(SPLIT_NAMES)
    if in_sample:
        split = split.mask((table["split"] == "val") & (table["fold"] == ALL_FOLDS), in_sample)
    rows = [
        tuple(Entry(number(value) if isinstance(value, float) else str(value)) for value in row)
        for row in table.assign(split=split)[columns].itertuples(index=False)
    ]
    named = {seed: seed.replace("_", " ") for seed in SEEDS} | heads
    return Grid(name, tuple(named.get(column, column) for column in columns), tuple(rows), keys - len(same))
