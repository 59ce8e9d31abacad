"""One page out of a study: report.html, which opens from disk and needs no network."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from rich import print
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.panel import Panel as Frame
from rich.table import Table

from oral_cancer.command import say, show_table
from oral_cancer.counting import counted
from oral_cancer.data.reading import NewReading, Reading
from oral_cancer.evaluation.bootstrap import LEVEL, N_RESAMPLES, several
from oral_cancer.evaluation.ensembles import SIMPLE, Ensembles
from oral_cancer.evaluation.predictions import ALL_FOLDS, mixtures_of
from oral_cancer.evaluation.yardsticks import BASELINE
from oral_cancer.files import sha256_of, write_text
from oral_cancer.pages import figures
from oral_cancer.pages.colours import experiment_colours
from oral_cancer.pages.compositions import OF_FIELDS, UNCORRECTED
from oral_cancer.pages.panels import drawn
from oral_cancer.pages.render import render
from oral_cancer.study import classification_plots, composition_plots, grids, methods, plots, sentences
from oral_cancer.study.aggregate import GROUPS, RANKED_BY, csv_of, ranked_by, ranking, write_tables
from oral_cancer.study.conclusions import conclusions
from oral_cancer.study.data_section import data_section
from oral_cancer.study.feature_map import feature_map
from oral_cancer.study.pictures import most_wrong
from oral_cancer.study.progress import duration
from oral_cancer.study.published import published_curves
from oral_cancer.study.run_record import refuse_damaged
from oral_cancer.study.runs import Study
from oral_cancer.study.training_sets import before_and_after, training_sets
from oral_cancer.training.manifest import RESULTS, SYNTHETIC

PICTURES = 6
"""Images shown of the pure classes, and of the mixtures."""

ON_TERMINAL = ("accuracy", "f1_macro", "rmse")
BESIDE_LONG_NAMES = ("accuracy", "rmse")
SHORT = 12  # characters that an experiment's name may have beside all figures


def write_report(study: Study, folder: Path | None = None) -> tuple[dict[str, pd.DataFrame], Path]:
    """Make the tables and the page of a study from whatever runs are finished.

    Args:
        study: its finished runs.
        folder: where `tables/` and `report.html` are written; None for the study's own.

    Returns:
        The tables by name, and the path of report.html.

    Raises:
        UserError: where folds or experiments did not predict the same images, and for damaged files.
    """
    study, folder = study.shown, folder or study.folder
    refuse_damaged(study.complete, (*RESULTS, SYNTHETIC))
    mixed = Ensembles.of(study.predictions)
    tables = write_tables(study, mixed, folder / "tables")
    return tables, write_page(study, tables, mixed, folder / "report.html")


def write_page(study: Study, tables: dict[str, pd.DataFrame], mixed: Ensembles, path: Path) -> Path:
    """Write the page from the tables of a study; the same runs give the same bytes.

    Its head names what it was made from (see `made_from`), its last line is the checksum of all before.

    Args:
        study: its finished runs.
        tables: made of them.
        mixed: their ensembles.
        path: where to.

    Returns:
        The path of the page.
    """
    text = render("oral_cancer.study", "report.html.j2", _content(study, tables, mixed))
    write_text(path, f"{text}<!-- sha256: {hashlib.sha256(text.encode()).hexdigest()} -->\n")
    return path


def made_from(study: Study, tables: dict[str, pd.DataFrame]) -> str:
    """SHA-256 in hex over the predictions of the finished runs and the tables."""
    digest = hashlib.sha256()
    for run in study.complete:
        digest.update(f"{run.name} {sha256_of(run.folder / 'predictions.csv')}\n".encode())
    for name, table in tables.items():
        digest.update(f"{name}\n{csv_of(study, table)}".encode())
    return digest.hexdigest()


def show_summary(study: Study, tables: dict[str, pd.DataFrame], page: Path) -> None:
    """Print the summary, what lacks, and where the page lies."""
    if study.simulated:
        print(Frame("SIMULATED MICROGRAPHS: no figure says anything about real cells", style="bold red", expand=False))
    experiments = ranking(tables["summary"])
    short = max(map(len, experiments)) <= SHORT
    shown = ON_TERMINAL if short else BESIDE_LONG_NAMES
    grid = figures.summary(tables["summary"], experiments, shown, tables.get("yardsticks"))
    splits = [name.partition(",")[0].replace("validation", "val.") for name, span in grid.groups for _ in range(span)]
    table = Table(
        title=f"{study.name}: mean (SD) over the trainings, by validation {RANKED_BY[ranked_by(tables['summary'])]}",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column(overflow="fold", no_wrap=short)  # "experiment" would not fit 80 columns beside all figures
    for split, column in zip(splits[1:], grid.columns[1:], strict=True):
        table.add_column(f"{split}\n{column}".strip(), justify="right" if split else "left", overflow="fold")
    for row in grid.rows:
        table.add_row(*(f"[bold]{escape(entry.text)}[/]" if entry.strong else escape(entry.text) for entry in row))
    show_table(table)
    if study.lacking:
        print(f"[bold red]Incomplete: {len(study.lacking)} of {counted(len(study.runs), 'run')} lacking[/]")
        for fault in study.faults:
            say(fault, whole=True)
    say(f"page: {page}", whole=True)


def _content(study: Study, tables: dict[str, pd.DataFrame], mixed: Ensembles) -> dict[str, Any]:
    experiments = ranking(tables["summary"])
    splits = set(tables["summary"]["split"])
    validated, split = "val" in splits, "test" if "test" in splits else "val"
    mixtures = mixtures_of(study.predictions)
    colours = experiment_colours(list(dict.fromkeys(run.experiment for run in study.runs)))
    best = _of_first(study, mixed, experiments[0], split)
    pure = _pure(study, mixed, split)
    root = study.complete[0].facts.get("root")
    folder = Path(root) if root and not study.private else None
    published = published_curves(study)
    reading = NewReading.of(study.complete[0].facts.get("reading"), Reading())
    treated = list(training_sets(study, experiments, folder, reading))
    return {
        "title": f"Study {study.name}",
        "made_from": made_from(study, tables),
        "study": study,
        "facts": _facts(study),
        "classes": study.classes,
        "data": data_section(study, folder, reading),
        "treated": treated,
        "before_and_after": drawn("treated", before_and_after(treated)),
        "folds": len({run.fold for run in study.runs}),
        "primary": composition_plots.most_varying(mixtures, study.classes) if mixtures else None,
        "split": split,
        "experiments": experiments,
        "validated": validated,
        "grouped": several(study.predictions.query("split == @split").get("group")),
        "ranked_by": RANKED_BY[ranked_by(tables["summary"])],
        "level": f"{LEVEL:.0%}",
        "resamples": f"{N_RESAMPLES:,}",
        "summary": figures.summary(tables["summary"], experiments, yardsticks=tables["yardsticks"]),
        "ensemble": figures.ensemble(tables["ensemble"], experiments, yardsticks=tables["yardstick_ensembles"]),
        "weighted": figures.ensemble(tables["ensemble"], experiments, tuple(figures.ENSEMBLE_NAMES)),
        "differences": grids.differences(tables["differences"]),
        "groups": grids.groups(tables[GROUPS], experiments[0]) if GROUPS in tables else None,
        "said": _said(study, tables, experiments[0]),
        "compositions": figures.compositions(tables["compositions"], experiments, tables["yardstick_compositions"]),
        "estimators": figures.estimators(tables["estimators"], experiments, tables["yardstick_estimators"]),
        "of_fields": OF_FIELDS,
        "uncorrected": _uncorrected(tables["estimators"]),
        "why_uncorrected": UNCORRECTED,
        "details": (
            ("Every fold", grids.folds(tables["folds"])),
            ("Every class", grids.classes(tables["classes"])),
            ("Every mixture", grids.mixtures(tables["mixtures"], study.classes)),
            ("Every run", grids.runs(study)),
        ),
        "by_experiment": drawn("experiments", plots.by_experiment(tables, experiments, colours)),
        "composition_plots": drawn("composition", composition_plots.compositions(tables["compositions"], experiments)),
        "against_truth": drawn("truth", composition_plots.against_truth(tables["compositions"], experiments)),
        "distributions": drawn("distribution", composition_plots.share_by_mixture(mixed.raw, experiments)),
        "confusions": drawn("confusion", classification_plots.confusions(tables["classes"], experiments, split)),
        "pure_of": f"by the simple ensemble on {len(pure) // len(experiments)} test images"
        if split == "test"
        else "each fold's network on its validation images",
        "roc": drawn("roc", classification_plots.roc(pure, experiments)),
        "reliability": drawn("reliability", classification_plots.reliability(pure, experiments)),
        "conclusions": conclusions(tables, experiments),
        "explained": methods.experiments(study, experiments),
        "methods": methods.methods(study),
        "citation": methods.citation(study),
        "curves": drawn("curves", plots.learning_curves(study.histories, colours, published)),
        "published": sorted(set(published["experiment"])),
        "map": feature_map(study, experiments[0]),
        "wrong": (
            ("Pure images", most_wrong(best, "homo", PICTURES, folder, reading)),
            ("Mixed images", most_wrong(best, "hetero", PICTURES, folder, reading)),
        ),
    }


def _pure(study: Study, mixed: Ensembles, split: str) -> pd.DataFrame:
    """What each experiment says of pure images that it was not trained on: its simple ensemble, else its folds."""
    frame = mixed.raw[mixed.raw["ensemble"] == SIMPLE]
    if split == "val":
        frame = study.predictions[study.predictions["fold"] != ALL_FOLDS]
    return frame[(frame["set"] == "homo") & (frame["split"] == split)]


def _said(study: Study, tables: dict[str, pd.DataFrame], first: str) -> dict[str, Any]:
    """The sentences of the page, by what they are about."""
    scale = sentences.Scale.of(tables["folds"])
    return {
        "trained": scale.trained(),
        "not_covered": scale.not_covered(),
        "rmse": sentences.of_rmse(study.classes, tables["yardsticks"]),
        "slopes": sentences.of_slopes(tables["compositions"]),
        "differences": sentences.of_differences(tables["differences"]),
        "bounds": sentences.of_bounds(tables["ensemble"]),
        "has_baseline": BASELINE in set(tables["yardsticks"]["experiment"]),
        "groups": sentences.of_groups(tables[GROUPS], first) if GROUPS in tables else [],
    }


def _uncorrected(estimators: pd.DataFrame) -> list[str]:
    """The experiments whose compositions nothing could be fitted for."""
    nothing_known = estimators.filter(like="val_").isna().all(axis=1)
    return list(estimators.loc[nothing_known, "experiment"])


def _of_first(study: Study, mixed: Ensembles, experiment: str, split: str) -> pd.DataFrame:
    """What the simple ensemble of an experiment says of the test images, or its folds of their validation images."""
    if split == "test":
        return mixed.raw[(mixed.raw["experiment"] == experiment) & (mixed.raw["ensemble"] == SIMPLE)]
    frame = study.predictions
    return frame[(frame["experiment"] == experiment) & (frame["split"] == split)]


def _facts(study: Study) -> dict[str, str]:
    """What the page's head says, by its name there."""
    manifests = [run.facts for run in study.complete]
    starts, ends = ([str(m[key]) for m in manifests if m.get(key)] for key in ("start", "end"))
    seconds = sum(float(m.get("seconds") or 0) for m in manifests)
    versions = _distinct(f"oral-cancer {(m.get('versions') or {}).get('oral-cancer', '?')}" for m in manifests)
    return {
        "Weights at the start": _distinct(m.get("weights") for m in manifests),
        "Seed": _distinct(m.get("seed") for m in manifests),
        "Runs": f"{len(study.complete)} of {len(study.runs)} finished",
        "Code": f"{versions}, commit {_distinct(_commit(m.get('git_commit')) for m in manifests)}",
        "Device": _distinct(f"{m.get('device', '?')}, {m.get('precision', '?')}" for m in manifests),
        "Trained": _period(min(starts, default=""), max(ends, default="")),
        "Duration": f"{duration(seconds)} in all, {duration(seconds / len(manifests))} a run",
    }


def _distinct(values: Iterable[Any]) -> str:
    return "; ".join(dict.fromkeys("unknown" if value is None else str(value) for value in values))


def _commit(described: str | None) -> str | None:
    """The first digits of a commit, and whether files differed from it."""
    commit, plus, _ = (described or "").partition("+")
    return commit[:10] + (plus and " with changes") or None


def _period(start: str, end: str) -> str:
    def minute(moment: str) -> str:
        return moment[:16].replace("T", " ")

    return f"{minute(start)} to {minute(end)} UTC" if start and end else "unknown"
