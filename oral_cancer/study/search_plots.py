"""The plots of a search."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter, ScalarFormatter

from oral_cancer.counting import counted
from oral_cancer.pages.colours import ACCENT, INK, MUTED
from oral_cancer.pages.panels import Panel, small_figure
from oral_cancer.study.journal import Search

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

CROWDED = 24  # characters of all choices together, from which on their names are slanted


def history(table: pd.DataFrame, search: Search) -> list[Panel]:
    """The value of every trial, and the best so far.

    Args:
        table: as `search_page.trials_table` makes it.
        search: what it is, and what trials are judged by.
    """
    value = table["value"].astype(float)
    best = value.cummin() if search.direction == "minimize" else value.cummax()
    best = best.ffill()
    failed = table.loc[table["state"] == "failed", "number"]
    with small_figure(2.8) as (figure, axes):
        axes.grid(axis="y")
        axes.step(table["number"], best, where="post", color=INK[0], lw=1.4)
        axes.plot(table["number"], value, "o", mfc=ACCENT[0], mec="none", ms=5)
        axes.plot(
            failed, np.zeros(len(failed)), "x", color=MUTED[0], transform=axes.get_xaxis_transform(), clip_on=False
        )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("trial")
        axes.set_ylabel(search.judged_by)
    said = f"{search.judged_by} by trial: {value.count()} succeeded, {len(failed)} failed, best {best.iloc[-1]:.4f}"
    return [Panel("Trials, and the best so far", figure, said)]


def by_parameter(complete: Sequence["FrozenTrial"], best: "FrozenTrial", judged_by: str) -> list[Panel]:
    """For each parameter, the values of the trials over it, the best trial marked."""
    return [_by_parameter(option, complete, best, judged_by) for option in best.params]


def _by_parameter(option: str, complete: Sequence["FrozenTrial"], best: "FrozenTrial", judged_by: str) -> Panel:
    distribution: Any = best.distributions[option]
    choices = getattr(distribution, "choices", None)

    def place(trial: "FrozenTrial") -> float:
        value = trial.params[option]
        return float(choices.index(value)) if choices else float(value)

    with small_figure(2.5) as (figure, axes):
        axes.grid(axis="y")
        values = [trial.values[0] for trial in complete]
        axes.plot([place(trial) for trial in complete], values, "o", mfc=ACCENT[0], mec="none", ms=5, alpha=0.7)
        axes.plot([place(best)], best.values, "D", mfc="none", mec=INK[0], ms=9, mew=1.4)
        if choices:
            _name_choices(axes, choices)
        else:
            _number_axis(axes, distribution)
        axes.set_ylabel(judged_by)
    said = f"{judged_by} over {option} of {counted(len(complete), 'trial')}; the best has {best.params[option]}"
    return Panel(option, figure, said)


def _name_choices(axes: Axes, choices: Sequence[str]) -> None:
    crowded = sum(map(len, choices)) > CROWDED
    axes.set_xticks(
        range(len(choices)),
        [textwrap.shorten(name, 20, placeholder="…") or name[:20] for name in choices],
        rotation=25 if crowded else 0,
        ha="right" if crowded else "center",
    )
    axes.set_xlim(-0.5, len(choices) - 0.5)


def _number_axis(axes: Axes, distribution: Any) -> None:
    low, high = distribution.low, distribution.high
    if distribution.log:
        axes.set_xscale("log")
        margin = (high / low) ** 0.04
        axes.set_xlim(low / margin, high * margin)
        if high / low < 1e3:
            ticks = [t * 10.0**e for e in range(-12, 12) for t in (1, 2, 5) if low <= t * 10.0**e <= high]
            axes.set_xticks(ticks)
            axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        margin = (high - low) * 0.04
        axes.set_xlim(low - margin, high + margin)
        if isinstance(low, int):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def importances(shares: Mapping[str, float]) -> Panel:
    """How much of the value's variance each parameter explains."""
    options = list(shares)
    with small_figure(0.7 + 0.34 * len(options), rect=(0, 0, 0.9, 1)) as (figure, axes):
        axes.grid(axis="x")
        axes.barh(range(len(options)), list(shares.values()), height=0.55, color=ACCENT[0])
        for y, share in enumerate(shares.values()):
            axes.text(1.03, y, f"{share:.2f}", transform=axes.get_yaxis_transform(), va="center", in_layout=False)
        axes.set_yticks(range(len(options)), options)
        axes.set_ylim(len(options) - 0.45, -0.55)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlim(0, max(*shares.values(), 0.01) if len(shares) > 1 else 1)
        axes.set_xlabel("share of the variance")
    said = ", ".join(f"{option} {share:.2f}" for option, share in shares.items())
    return Panel("Importance of the parameters", figure, f"Share of the variance that each parameter explains: {said}")
