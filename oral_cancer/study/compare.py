"""What the verb `compare` shows: in which settings two runs, experiments or studies differ, and their figures."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from oral_cancer.command import say, show_table
from oral_cancer.errors import UserError, refuse
from oral_cancer.evaluation import tables
from oral_cancer.evaluation.comparison import LEAST
from oral_cancer.evaluation.ensembles import SIMPLE, Ensembles
from oral_cancer.evaluation.predictions import SEEDS
from oral_cancer.pages.figures import FIGURE_NAMES, SPLIT_NAMES
from oral_cancer.study.run_record import RunRecord, predictions_of
from oral_cancer.study.runs import find_runs
from oral_cancer.training.manifest import RESULTS, changed_files
from oral_cancer.training.run import RunName

FACTS = ("source", "fingerprint", "weights", "precision", "augmented_on", "device", "git_commit")
"""What of a manifest is compared beside the settings."""
OF_NO_INFLUENCE = ("name", "study", "store", "launcher", "trust")
OF_ENSEMBLE = ("accuracy", "f1_macro", "rmse")
"""The figures that have intervals."""


@dataclass(frozen=True)
class Side:
    """One of two experiments that are compared.

    Attributes:
        name: e.g. "paper/m5".
        runs: its finished ones.
    """

    name: str
    runs: tuple[RunRecord, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """Settings and facts of the first run, flat; without the fold where there are several, with all their seeds."""
        facts = self.runs[0].facts
        flat = dict(_flat(facts.get("config") or {})) | {name: facts[name] for name in FACTS if name in facts}
        left_out = OF_NO_INFLUENCE if len(self.runs) == 1 else (*OF_NO_INFLUENCE, "fold")
        for name in SEEDS:
            seeds = sorted({getattr(run, name) for run in self.runs})
            flat |= {name: ", ".join(map(str, seeds))} if len(seeds) > 1 else {}
        return {name: value for name, value in flat.items() if name.partition(".")[0] not in left_out}

    def predictions(self) -> pd.DataFrame:
        """Those of all runs, of an experiment called `name`.

        Raises:
            UserError: for files that are not as their runs' manifests say.
        """
        refuse([fault for run in self.runs for fault in changed_files(run.folder, run.facts, RESULTS)])
        frames = [predictions_of(run) for run in self.runs]
        return pd.concat(frames, ignore_index=True).assign(experiment=self.name)


@dataclass(frozen=True)
class Compared:
    """Two experiments side by side.

    Attributes:
        one, other: they.
        settings: those that differ, of each.
        figures: see `figures`.
        remarks: what is to be known of the figures.
    """

    one: Side
    other: Side
    settings: dict[str, tuple[Any, Any]]
    figures: pd.DataFrame
    remarks: tuple[str, ...]

    @classmethod
    def of(cls, one: Side, other: Side) -> Self:
        """What differs between two."""
        found = figures(one, other)
        remarks = ["mean (SD) over the trainings; of ensembles 95 % intervals over the test images"]
        if cost := cost_of_groups(one, other):
            remarks.append(cost)
        if "p " not in "".join(found["difference"]):
            remarks.append(f"compared are these two ensembles on these images; {LEAST} seeds of both tell of others")
        return cls(one, other, differences(one.settings, other.settings), found, tuple(remarks))


def compared(a: Path, b: Path) -> list[Compared]:
    """What differs between two runs, experiments or studies; of two studies their experiments of the same names.

    Raises:
        UserError: for a folder without a finished run, and two studies without an experiment in common.
    """
    left, right = sides(a), sides(b)
    common = [(left[name], right[name]) for name in left if name in right]
    pairs = list(zip(left.values(), right.values(), strict=True)) if len(left) == len(right) == 1 else common
    if not pairs:
        raise UserError(f"{a}, {b}: have no experiment in common; compare two of them, such as {a / next(iter(left))}")
    return [Compared.of(one, other) for one, other in pairs]


def show_comparison(a: Path, b: Path) -> None:
    """Print what `compared` finds.

    Raises:
        UserError: as there.
    """
    pairs = compared(a, b)
    for pair in pairs:
        _show_settings(pair)
        _show_figures(pair)
    left, right = sides(a), sides(b)
    for folder, here, there in ((a, left, right), (b, right, left)):
        if len(pairs) > 1 and (only := [name for name in here if name not in there]):
            say(f"only in {folder}: {', '.join(only)}", whole=True)


def sides(folder: Path) -> dict[str, Side]:
    """The experiments of a folder with their finished runs: of a study all, of an experiment or a run one.

    Raises:
        UserError: where there is none.
    """
    place = folder.resolve()
    if RunName.of_path(place):
        runs = [run for run in find_runs(place.parents[1]) if run.folder == place]
    elif any(RunName.of_path(child) for child in place.glob("fold=*")):
        runs = [run for run in find_runs(place.parent) if run.experiment == place.name]
    else:
        runs = find_runs(place) if place.is_dir() else []
    by_experiment: dict[str, list[RunRecord]] = {}
    for run in runs:
        if run.status == "complete":
            by_experiment.setdefault(run.experiment, []).append(run)
    if not by_experiment:
        raise UserError(f"{folder}: holds no finished run; give the folder of a run, an experiment or a study")
    return {name: Side(_name(found), tuple(found)) for name, found in by_experiment.items()}


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The entries that two mappings do not have alike, in their order; None for one that is not there."""
    keys = dict.fromkeys([*one, *other])
    return {key: (one.get(key), other.get(key)) for key in keys if one.get(key) != other.get(key)}


def figures(one: Side, other: Side) -> pd.DataFrame:
    """Figures side by side, a row each.

    Returns:
        `figure`, e.g. "validation accuracy", and as text `a`, `b` and `difference`, a less b: mean and SD over the
        trainings, and of their ensemble on the test images 95 % intervals; the difference that
        `tables.differences` tells of alone has an interval.
    """
    parts = [side.predictions().assign(experiment=key) for side, key in ((one, "a"), (other, "b"))]
    frame = pd.concat(parts, ignore_index=True)
    if "group" in frame and frame["group"].isna().any():
        frame = frame.drop(columns="group")  # which one of them does not know
    means = {(row["split"], row["metric"], row["experiment"]): row for row in tables.summary(frame).to_dict("records")}
    mixed = [Ensembles.of(part) for part in parts]
    ensemble = _simple(pd.concat([tables.ensemble(each) for each in mixed])).set_index("experiment")
    rows = []
    for split, metric in dict.fromkeys((split, metric) for split, metric, _ in means if metric in FIGURE_NAMES):
        two = [means.get((split, metric, key)) for key in "ab"]
        less = _less(*(row and row["mean"] for row in two))
        rows.append((f"{SPLIT_NAMES[split]} {FIGURE_NAMES[metric]}", *map(_with_sd, two), less))
    paired = _paired(frame)
    for metric in OF_ENSEMBLE:
        of_both = [ensemble.loc[key] if key in ensemble.index else pd.Series() for key in "ab"]
        if all(pd.isna(row.get(metric)) for row in of_both):
            continue
        less = paired.get(metric) or _less(*(row.get(metric) for row in of_both))
        texts = [_with_interval(row, metric) for row in of_both]
        rows.append((f"test {FIGURE_NAMES[metric]}, ensemble", *texts, less))
    return pd.DataFrame(rows, columns=["figure", "a", "b", "difference"])


def cost_of_groups(one: Side, other: Side) -> str:
    """What is lost where whole groups validate and not single images; "" unless one side has groups, the other none.

    A network knows an image's neighbours where single images of a group validate, and may go by what they share.
    """
    frames = [side.predictions() for side in (one, other)]
    grouped = [frame for frame in frames if "group" in frame]
    if len(grouped) != 1:
        return ""
    (single,) = (frame for frame in frames if "group" not in frame)
    means = [tables.summary(frame).query("split == 'val'").set_index("metric")["mean"] for frame in (*grouped, single)]
    said = [
        f"{FIGURE_NAMES[metric]} {means[0][metric]:.3f} instead of {means[1][metric]:.3f}"
        for metric in ("accuracy", "rmse")
        if all(metric in of_one for of_one in means)
    ]
    return f"whole groups validate instead of single images: {', '.join(said)}" if said else ""


def _paired(frame: pd.DataFrame) -> dict[str, str]:
    """By metric, RMSE or where nothing mixes accuracy, the difference on the test images, a less b.

    With p where trainings were tested over, whose difference is that of the ensembles of each seed.
    """
    try:
        table = tables.differences(Ensembles.of(frame))
    except UserError:
        return dict.fromkeys(OF_ENSEMBLE, "other test images")
    rows = table.to_dict("records")
    p = [f", p {row['p']:.3f} over {row['trainings']} seeds" if pd.notna(row["p"]) else "" for row in rows]
    return {
        str(row["metric"]): f"{row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f}){tested}"
        for row, tested in zip(rows, p, strict=True)
    }


def _less(one: Any, other: Any) -> str:
    return "" if one is None or other is None or pd.isna(one - other) else f"{one - other:+.3f}"


def _simple(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["ensemble"] == SIMPLE]


def _with_sd(row: Mapping[Any, Any] | None) -> str:
    if row is None:
        return ""
    return f"{row['mean']:.3f}" if row["n_folds"] < 2 else f"{row['mean']:.3f} ({row['sd']:.3f})"


def _with_interval(row: Any, metric: str) -> str:
    if metric not in row.index or pd.isna(row[metric]):
        return ""
    return f"{row[metric]:.3f} ({row[f'{metric}_low']:.3f} to {row[f'{metric}_high']:.3f})"


def _name(runs: list[RunRecord]) -> str:
    experiment = runs[0].folder.parent
    return f"{experiment.parent.name}/{experiment.name}" + (f"/{runs[0].folder.name}" if len(runs) == 1 else "")


def _flat(content: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _flat(value, f"{name}.{key}" if name else str(key))
    else:
        yield name, content


def _show_settings(pair: Compared) -> None:
    if not pair.settings:
        say(f"{pair.one.name}, {pair.other.name}: the same settings")
        return
    table = _table("setting", pair.one, pair.other)
    for name, values in pair.settings.items():
        table.add_row(name, *(escape("null" if value is None else str(value)) for value in values))
    show_table(table)


def _show_figures(pair: Compared) -> None:
    table = _table("figure", pair.one, pair.other)
    if pair.figures["difference"].any():
        table.add_column("difference", overflow="fold")
    for row in pair.figures.to_numpy().tolist():
        table.add_row(*row[: len(table.columns)])
    show_table(table)
    say(*pair.remarks)


def _table(what: str, one: Side, other: Side) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in (what, one.name, other.name):
        table.add_column(escape(column), overflow="fold")
    return table
