"""The plots of a study's mixtures: their composition, and how it is distributed over their images."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oral_cancer.evaluation.ensembles import SIMPLE
from oral_cancer.evaluation.metrics import two_that_mix
from oral_cancer.evaluation.predictions import classes_of, mixtures_of, true_columns
from oral_cancer.pages.colours import CLASS_COLOURS, INK, MUTED, PAPER, RULE
from oral_cancer.pages.grids import shortened
from oral_cancer.pages.panels import LONGEST, Panel, legible, name_rows, of_each, small_figure

MARKERS = "os^DvP*X<>"  # of classes in their order; beyond ten they come round again


def compositions(table: pd.DataFrame, experiments: Sequence[str]) -> list[Panel]:
    """For each experiment, the mean proportions that its simple ensemble predicts for each mixture, and the true."""
    table = table[table["ensemble"] == SIMPLE]
    return [_composition(rows, name) for name, rows in of_each(table, experiments)]


def most_varying(mixtures: Mapping[str, NDArray[np.float64]], classes: Sequence[str]) -> str:
    """The class whose share varies most over mixtures, the first of those that do alike."""
    spans = np.ptp(list(mixtures.values()), axis=0)
    return classes[int(np.flatnonzero(spans > spans.max() - 1e-9)[0])]


def _composition(table: pd.DataFrame, experiment: str) -> Panel:
    classes = classes_of(table)
    known = {
        str(name): part[true_columns(classes)].to_numpy()[0] for name, part in table.groupby("mixture", sort=False)
    }
    mixed = {name: shares for name, shares in known.items() if name not in classes}
    primary = most_varying(mixed or known, classes)
    mixtures = sorted(known, key=lambda name: known[name][classes.index(primary)])
    calibrated = bool(table["calibrated"].any())
    said = []
    with small_figure(0.75 + 0.52 * len(mixtures)) as (figure, axes):
        axes.grid(axis="x")
        for y, mixture in enumerate(mixtures):
            rows = table[table["mixture"] == mixture]
            for k, true in enumerate(known[mixture]):
                axes.plot([true, true], [y - 0.38, y + 0.38], color=CLASS_COLOURS[k][0], lw=1.2, alpha=0.6)
            for row in rows.to_dict("records"):
                height = y + (0.17 if row["calibrated"] else -0.17) * calibrated
                for k, name in enumerate(classes):
                    colour = CLASS_COLOURS[k][0]
                    face = colour if row["calibrated"] else "none"
                    axes.plot([row[f"{name}_low"], row[f"{name}_high"]], [height] * 2, color=colour, lw=1.2)
                    axes.plot(
                        [row[name]], [height], MARKERS[k % len(MARKERS)], mfc=face, mec=colour, ms=5, clip_on=False
                    )
                kind = "estimate" if row["calibrated"] else "raw mean"
                said.append(f"{mixture} {kind} {primary} {row[primary]:.2f}")
        axes.set_xlim(-0.02, 1)
        name_rows(axes, [legible(name) for name in mixtures])
        axes.set_ylabel(_of_mixtures(mixed, classes))
        axes.set_xlabel("proportion")
    return Panel(experiment, figure, f"Predicted composition by {experiment}: {', '.join(said)}")


def against_truth(table: pd.DataFrame, experiments: Sequence[str]) -> list[Panel]:
    """For each experiment, the estimated share of every class in each culture over the true one."""
    table = table[table["ensemble"] == SIMPLE]
    return [_against_truth(rows, name) for name, rows in of_each(table, experiments)]


def _against_truth(table: pd.DataFrame, experiment: str) -> Panel:
    classes = classes_of(table)
    said = []
    with small_figure(2.8) as (figure, axes):
        axes.set_aspect("equal")
        axes.grid()
        axes.plot([0, 1], [0, 1], color=MUTED[0], lw=0.8, ls="--")
        for row in table.to_dict("records"):
            for k, name in enumerate(classes):
                colour, true = CLASS_COLOURS[k][0], row[f"true_{name}"]
                face = colour if row["calibrated"] else PAPER[0]
                if row["calibrated"]:
                    axes.plot([true, true], [row[f"{name}_low"], row[f"{name}_high"]], color=colour, lw=1.2)
                    said.append(f"{row['mixture']} {name} {true:.2f} {row[name]:.2f}")
                marker = MARKERS[k % len(MARKERS)]
                axes.plot([true], [row[name]], marker, mfc=face, mec=colour, ms=5, clip_on=False)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="true share", ylabel="estimated")
    return Panel(experiment, figure, f"Shares, true and estimated by {experiment}: {', '.join(said)}")


def _of_mixtures(mixtures: Mapping[str, NDArray[np.float64]], classes: Sequence[str]) -> str:
    """What an axis of mixtures is called; where all are of the same two classes, their names are ratios of these."""
    pair = two_that_mix(mixtures, classes)
    if pair is None or not all(":" in name for name in mixtures):
        return "mixture"
    return f"mixture, {' : '.join(shortened(name, 24) for name in pair)}"


def share_by_mixture(ensembles: pd.DataFrame, experiments: Sequence[str]) -> list[Panel]:
    """For each experiment, how its simple ensemble's P of the class that varies most is distributed over each mixture.

    Args:
        ensembles: predictions of the ensembles for the images, as `ensembles.ensembles` gives them.
        experiments: in the order wanted.
    """
    hetero = ensembles[(ensembles["set"] == "hetero") & (ensembles["ensemble"] == SIMPLE)]
    return [_distribution(images, name) for name, images in of_each(hetero, experiments)]


def _distribution(images: pd.DataFrame, experiment: str) -> Panel:
    classes, known = classes_of(images), mixtures_of(images)
    primary = most_varying(known, classes)
    place = classes.index(primary)
    mixtures = sorted(known, key=lambda name: known[name][place])
    edges = np.linspace(0, 1, 26)
    colour = CLASS_COLOURS[place][0]
    said = []
    with small_figure(0.75 + 0.42 * len(mixtures)) as (figure, axes):
        axes.grid(axis="x")
        for y, mixture in enumerate(mixtures):
            values = images.loc[images["label"] == mixture, primary].to_numpy(float)
            heights = np.histogram(values, edges)[0]
            axes.stairs(
                y + 0.4 - 0.8 * heights / heights.max(), edges, baseline=y + 0.4, fill=True, fc=colour, alpha=0.55
            )
            axes.plot([0, 1], [y + 0.4] * 2, color=RULE[0], lw=0.8)
            true = known[mixture][place]
            axes.plot([true, true], [y - 0.45, y + 0.4], color=INK[0], lw=1.3)
            said.append(f"{mixture} median {np.median(values):.2f}, true {true:.2f}")
        axes.set_xlim(0, 1)
        name_rows(axes, [legible(name) for name in mixtures])
        axes.set_ylabel(_of_mixtures(known, classes))
        axes.set_xlabel(f"P({shortened(primary, LONGEST)})")
    return Panel(experiment, figure, f"P({primary}) by {experiment}: {'; '.join(said)}")
