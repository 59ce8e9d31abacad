"""What a training shows on the terminal before and after."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Trainer
from rich import get_console, print
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from oral_cancer.counting import counted
from oral_cancer.data.datamodule import CellDataModule
from oral_cancer.models import SoftLabelClassifier

FIGURES = (
    ("homo", "accuracy", "accuracy"),
    ("homo", "f1_macro", "macro F1"),
    ("homo", "auc_macro", "macro AUC"),
    ("hetero", "rmse", "RMSE of mixtures"),
)
"""Image set, name and title of each."""
SPLIT_NAMES = {"val": "validation", "test": "test"}
SIMULATED = "SIMULATED MICROGRAPHS: no figure of this run says anything about real cells"


def announce(title: str, data: CellDataModule, model: SoftLabelClassifier, trainer: Trainer, resumed: bool) -> None:
    """Say what is about to be trained on what."""
    if data.store.collection.simulated:
        print(Panel(SIMULATED, style="bold red", expand=False))
    counts, limit = data.training_counts(), trainer.limit_train_batches
    batches = min(data.steps_per_epoch, limit) if isinstance(limit, int) else data.steps_per_epoch
    each = ", ".join(f"{number} {name}" for name, number in counts.items())
    steps = math.ceil(batches / trainer.accumulate_grad_batches)
    console = get_console()
    console.print(
        f"[bold]{title}[/]: {'goes on' if resumed else 'starts'}, weights {model.origin}\n"
        f"{counted(sum(counts.values()), 'training image')} ({each}), {model.course(steps)}",
        soft_wrap=not console.is_terminal,
    )


def say_departures(departures: Sequence[str]) -> None:
    """Say in what a training departs from its recipe, see `settings.departures`."""
    if departures:
        get_console().print(f"departs from its recipe: {escape('; '.join(departures))}", soft_wrap=True)


def show(title: str, folder: Path, metrics: dict[str, Any]) -> None:
    """The figures of a run, and where its files lie."""
    table = Table(title=title)
    table.add_column("")
    columns = [one for one in FIGURES if any(one[0] in sets for sets in metrics.values())]
    for _, _, column in columns:
        table.add_column(column, justify="right")
    for split, sets in metrics.items():
        in_sample = " (in-sample)" if sets.get("homo", {}).get("in_sample") else ""
        figures = [sets.get(image_set, {}).get(name) for image_set, name, _ in columns]
        cells = ("" if figure is None else f"{figure:.4f}" for figure in figures)
        table.add_row(SPLIT_NAMES[split] + in_sample, *cells)
    print(table)
    get_console().print(f"files: {folder}", soft_wrap=True)


def device_name(trainer: Trainer) -> str:
    """E.g. "cpu" or "NVIDIA H100"."""
    device = trainer.strategy.root_device
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
