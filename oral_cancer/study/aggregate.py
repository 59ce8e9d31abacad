"""The tables of a study as CSV files, and the order in which they are to be read."""

from pathlib import Path

import pandas as pd

from oral_cancer.counting import counted
from oral_cancer.evaluation import composition_tables, predictions, tables
from oral_cancer.evaluation.ensembles import SIMPLE, Ensembles, ensembles
from oral_cancer.files import write_text
from oral_cancer.study.runs import SIMULATED, Study
from oral_cancer.study.yardsticks import predictions_of_yardsticks

OF_RUNS = {
    "folds": tables.folds,
    "classes": tables.classes,
    "mixtures": tables.mixtures,
    "summary": tables.summary,
}
OF_ENSEMBLES = {
    "ensemble": tables.ensemble,
    "differences": tables.differences,
}
OF_COMPOSITIONS = {
    "compositions": composition_tables.compositions,
    "estimators": composition_tables.estimators,
}
"""What each CSV file is called, and what makes it out of the predictions, their ensembles, or compositions as well."""
OF_YARDSTICKS = {
    "yardsticks": "summary",
    "yardstick_ensembles": "ensemble",
    "yardstick_compositions": "compositions",
    "yardstick_estimators": "estimators",
}
"""What the figures of the yardsticks are called, and the table whose columns they have."""
TABLES = (*OF_RUNS, *OF_ENSEMBLES, *OF_COMPOSITIONS, *OF_YARDSTICKS)
GROUPS = "groups"
"""The table that only data with groups have."""
NO_LONGER = ("calibrations",)
"""Tables that were written before, of what is no longer done."""
FORMERLY = predictions.FORMERLY | {"experiment_a": "model_a", "experiment_b": "model_b"}
"""What columns were called in tables written before."""


def write_tables(study: Study, mixed: Ensembles, folder: Path) -> dict[str, pd.DataFrame]:
    """Write every table of `TABLES`, and `GROUPS`, as `<folder>/<name>.csv`; the same predictions give the same bytes.

    Of simulated images, each table says so in a last column `images`. Beside them INCOMPLETE.txt names the runs that
    lack, until none does.

    Args:
        study: its finished runs.
        mixed: their ensembles.
        folder: where to; made where need be.

    Returns:
        The tables by name, figures unrounded.

    Raises:
        UserError: where experiments did not predict the same test images.
    """
    made = {name: table(study.predictions) for name, table in OF_RUNS.items()}
    made |= {name: table(mixed) for name, table in OF_ENSEMBLES.items()}
    composed = composition_tables.compose(study.predictions)
    made |= {name: table(mixed, composed) for name, table in OF_COMPOSITIONS.items()}
    made |= _of_yardsticks(study)
    if not (of_groups := tables.groups(study.predictions)).empty:
        made[GROUPS] = of_groups
    _mark(folder / "INCOMPLETE.txt", _lacking(study) if study.lacking else "")
    for name in {*NO_LONGER, GROUPS} - set(made):
        (folder / f"{name}.csv").unlink(missing_ok=True)
    for name, table in made.items():
        write_text(folder / f"{name}.csv", csv_of(study, table))
    return made


def _of_yardsticks(study: Study) -> dict[str, pd.DataFrame]:
    predicted = predictions_of_yardsticks(study)
    together = ensembles(predicted)
    simple = Ensembles(together[together["ensemble"] == SIMPLE], together.iloc[:0])
    composed = composition_tables.compose(predicted)
    made = {"summary": OF_RUNS["summary"](predicted), "ensemble": OF_ENSEMBLES["ensemble"](simple)}
    made |= {name: table(simple, composed) for name, table in OF_COMPOSITIONS.items()}
    return {called: made[name] for called, name in OF_YARDSTICKS.items()}


def csv_of(study: Study, table: pd.DataFrame) -> str:
    """What the file of a table holds."""
    marked = table.assign(images=SIMULATED) if study.simulated else table
    return marked.to_csv(index=False, lineterminator="\n")


def in_former_words(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables with their columns called as in files written before."""
    return {name: table.rename(columns=FORMERLY) for name, table in tables.items()}


RANKED_BY = {"rmse": "RMSE", "f1_macro": "macro F1"}
"""What experiments are ranked by: where nothing mixes there is no RMSE."""


def ranked_by(summary: pd.DataFrame) -> str:
    """The metric of `RANKED_BY` that these figures are ranked by."""
    return "rmse" if (summary["metric"] == "rmse").any() or summary.empty else "f1_macro"


def ranking(summary: pd.DataFrame) -> list[str]:
    """The experiments by their mean in validation, the best first; then, in the order of the table, those without one.

    The test set has no say in it. An experiment trained on all images together has no validation figures.
    """
    metric = ranked_by(summary)
    validated = summary[(summary["split"] == "val") & (summary["metric"] == metric)]
    validated = validated.sort_values("mean", kind="stable", ascending=metric == "rmse")
    return list(dict.fromkeys([*validated["experiment"], *summary["experiment"]]))


def _mark(path: Path, text: str) -> None:
    if text:
        write_text(path, text)
    else:
        path.unlink(missing_ok=True)


def _lacking(study: Study) -> str:
    made_from = f"Made from {len(study.complete)} of {counted(len(study.runs), 'run')}. Lacking:"
    return "\n".join([made_from, *study.faults]) + "\n"
