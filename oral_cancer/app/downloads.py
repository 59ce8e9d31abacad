"""What can be kept of a result: tables, a page, a figure, a text."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import matplotlib as mpl
import pandas as pd

from oral_cancer.app.view import cultures, methods_text, off_by, percent
from oral_cancer.app.work import Result
from oral_cancer.inference.prediction import csv_of
from oral_cancer.pages.colours import CLASS_COLOURS, INK, MUTED
from oral_cancer.pages.compositions import OF_FIELDS, basis
from oral_cancer.pages.grids import shortened
from oral_cancer.pages.panels import LONGEST, name_rows, small_figure
from oral_cancer.study.methods import citation, methods

TABLES = ("predictions.csv", "composition.csv")


@dataclass(frozen=True)
class Download:
    """A file to keep: what the link to it says, its kind, and what makes it."""

    words: str
    media: str
    make: Callable[[Result], bytes]


def _images(result: Result) -> bytes:
    return csv_of(result.prediction.images).encode()


def _composition(result: Result) -> bytes:
    return csv_of(result.prediction.populations).encode()


def _excel(result: Result) -> bytes:
    """Both tables as sheets; control characters of names, which Excel does not take, as escapes."""
    written = io.BytesIO()
    with pd.ExcelWriter(written, engine="openpyxl") as workbook:
        sheets = {"composition": result.prediction.populations, "images": result.prediction.images}
        for name, table in sheets.items():
            table.map(_without_controls).to_excel(workbook, sheet_name=name, index=False)
    return written.getvalue()


def _without_controls(value: object) -> object:
    if not isinstance(value, str):
        return value
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in value)


def _page(result: Result) -> bytes:
    prediction = result.prediction
    return prediction.page(result.images.name, prediction.facts(result.images.name), TABLES).encode()


def _figure(result: Result) -> bytes:
    """A bar a culture in the colours of the page, its main share in words beside it."""
    shown, classes = cultures(result), result.card.study.classes
    with small_figure(0.9 + 0.42 * len(shown), width=6.5) as (figure, axes):
        for row, culture in enumerate(shown):
            left = 0.0
            for k, share in enumerate(culture.shares):
                axes.barh(row, share, left=left, height=0.6, color=CLASS_COLOURS[k][0], label=classes[k])
                left += share
            interval = f" ({culture.interval})" if culture.interval else ""
            axes.text(1.02, row, f"{culture.main}{interval}", va="center", color=INK[0])
        name_rows(axes, [shortened(culture.name, LONGEST) for culture in shown])
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], [percent(at) for at in (0, 0.25, 0.5, 0.75, 1)])
        axes.set_xlabel("% of what the fields show; in brackets 95 % intervals", color=MUTED[0])
        handles, labels = axes.get_legend_handles_labels()
        unique = dict(zip(labels, handles, strict=True))
        figure.legend(unique.values(), unique.keys(), loc="outside upper left", ncols=len(classes), frameon=False)
        written = io.BytesIO()
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "cultures"}):
            figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()


def _methods(result: Result) -> bytes:
    study = result.card.study
    headline = result.loaded.model.headline
    closing = [f"{basis(headline)} {off_by(result.loaded)}".strip(), OF_FIELDS, f"Cite: {citation(study)}"]
    if study.simulated:
        closing.insert(0, "The model was trained on simulated micrographs: no figure says anything about real cells.")
    return methods_text(study, result, methods(study), closing).encode()


DOWNLOADS = {
    "predictions.xlsx": Download("Excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _excel),
    "composition.csv": Download("CSV of cultures", "text/csv; charset=utf-8", _composition),
    "predictions.csv": Download("CSV of images", "text/csv; charset=utf-8", _images),
    "predictions.html": Download("Page to keep (HTML)", "text/html; charset=utf-8", _page),
    "composition.svg": Download("Figure (SVG)", "image/svg+xml", _figure),
    "methods.txt": Download("Text for Methods", "text/plain; charset=utf-8", _methods),
}
"""By the names of the files."""
