"""One page out of the predictions of new images: a stacked bar for each population, and what to be wary of."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import pandas as pd

from oral_cancer.data.appearance import BRIGHTNESS_MARGIN, CONTRAST_FACTOR, SCALE_FACTOR, SIZE_FACTOR
from oral_cancer.evaluation.bootstrap import LEVEL
from oral_cancer.evaluation.controls import Plate
from oral_cancer.evaluation.feature_space import LIMIT, USUAL
from oral_cancer.evaluation.headline import Headline
from oral_cancer.inference.nearest import Nearest
from oral_cancer.inference.results import BY_FEATURES, CALIBRATED, CONTROLS, WITHOUT_UNLIKE, spread
from oral_cancer.pages.compositions import OF_FIELDS, basis, with_controls
from oral_cancer.pages.grids import Entry, Grid, number, with_interval
from oral_cancer.pages.render import render
from oral_cancer.study.runs import Study

DIGITS = 3
PICTURES = 12
"""Images that are shown: those unlike the training, of each population in turn, then the least certain ones; more where
more populations have unlike ones, so that each is seen."""
KINDS = {CONTROLS: "with controls", CALIBRATED: "estimate", "": "raw (the paper's)"}
"""What composition.csv has of each population, as far as it has it; the first counts."""


def predictions_page(
    name: str,
    study: Study,
    images: pd.DataFrame,
    populations: pd.DataFrame,
    facts: Mapping[str, str],
    files: tuple[str, str],
    judged: bool,
    headline: Headline,
    picture: Callable[[str], str | None],
    nearest: Nearest,
    unjudged: str,
    plate: Plate | None = None,
) -> str:
    """The HTML of the page.

    Args:
        name: of the folder of images.
        study: whose networks predicted.
        images: see `results.image_table`.
        populations: see `results.population_table`.
        facts: for the head of the page, by name.
        files: the CSV files of images and populations, relative to the page.
        judged: whether it is known how the training images look.
        headline: the estimator of compositions.
        picture: a data URI of an image by its file; None where there is none.
        nearest: the training images beside which unlike ones are shown.
        unjudged: why images are not judged by their features; "" where they are.
        plate: what controls make of it; None where there are none.
    """
    classes = study.classes
    left_out, predicted = images[images["left_out"] != ""], images[images["left_out"] == ""]
    odd = predicted[predicted["unlike_training"] != ""]
    content: dict[str, Any] = {
        "title": f"Composition of {name}",
        "name": name,
        "study": study,
        "model": images["experiment"].iat[0],
        "classes": classes,
        "basis": basis(headline),
        "of_fields": OF_FIELDS,
        "n_images": len(predicted),
        "populations": [
            _population(row, classes, _kinds(populations, classes)) for row in populations.to_dict("records")
        ],
        "plate": plate,
        "controls": _controls(plate) if plate else None,
        "with_controls": with_controls(plate) if plate and plate.headline else "",
        "composition": composition_grid(populations, classes, files[1]),
        "shown": _shown(predicted, populations, classes, picture, nearest),
        "unjudged": unjudged,
        "limit": f"{LIMIT:g}",
        "usual": f"{USUAL:.0%}".replace("%", " %"),
        "unlike": _grid("", odd, ["file", "unlike_training"], ("file", "remark")),
        "images": _images(predicted, classes, files[0]),
        "left_out": _grid("", left_out, ["file", "left_out"], ("file", "why")),
        "facts": facts,
        "judged": judged,
        "level": f"{LEVEL:.0%}",
        "size_factor": SIZE_FACTOR,
        "brightness_margin": f"{BRIGHTNESS_MARGIN:.0f}",
        "contrast_factor": CONTRAST_FACTOR,
        "scale_percent": f"{100 * (SCALE_FACTOR - 1):.0f}",
        "zip": zip,
    }
    return render("oral_cancer.inference", "predictions.html.j2", content)


def composition_grid(populations: pd.DataFrame, classes: Sequence[str], file: str = "", digits: int = DIGITS) -> Grid:
    """The populations as people read them: a row estimated, a row raw; `file` is the CSV file behind it.

    Where images are unlike those of the training, the same once more without them.
    """
    rows = []
    kinds = _kinds(populations, classes)
    for row in populations.to_dict("records"):
        subsets = {"": ("", row["images"])}
        if 0 < row["unlike_training"] < row["images"]:
            subsets[WITHOUT_UNLIKE] = (", without unlike", row["images"] - row["unlike_training"])
        for place, (subset, kind) in enumerate(product(subsets, kinds)):
            figures = []
            for name in (f"{cls}{kind}{subset}" for cls in classes):
                value, low, high = (float(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
                figures.append(with_interval(value, low, high, digits))
            words, images = subsets[subset]
            head = (row["population"] if place == 0 else "", str(images) if kind == next(iter(kinds)) else "")
            rows.append(tuple(Entry(text) for text in (*head, kinds[kind] + words, *figures)))
    return Grid(file.removesuffix(".csv"), ("population", "images", "estimate", *classes), tuple(rows))


def _kinds(populations: pd.DataFrame, classes: Sequence[str]) -> dict[str, str]:
    return {kind: said for kind, said in KINDS.items() if f"{classes[0]}{kind}" in populations}


def _controls(plate: Plate) -> Grid:
    heads = ("control", "images", "off without controls", "off with those of the other half")
    rows = [
        (one.label, str(one.images), number(one.study, DIGITS), number(one.held_out, DIGITS)) for one in plate.judged
    ]
    return Grid("controls", heads, tuple(tuple(map(Entry, row)) for row in rows))


def _population(row: Mapping[Any, Any], classes: Sequence[str], kinds: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": row["population"],
        "images": row["images"],
        "unlike": row["unlike_training"],
        "remark": row["remark"],
        "ratio": row["ratio"],
        "features": row["features"],
        "bars": [([row[f"{cls}{kind}"] for cls in classes], said) for kind, said in kinds.items()],
    }


def _shown(
    images: pd.DataFrame,
    populations: pd.DataFrame,
    classes: Sequence[str],
    picture: Callable[[str], str | None],
    nearest: Nearest,
) -> list[dict[str, Any]]:
    """The images to look at: of each population that has unlike ones, or lies outside, some, before any other."""
    outside = set(populations.loc[populations["features"] != "", "population"])
    of_outside = images["population"].isin(outside)
    ordered = images.assign(
        like=(images["unlike_training"] == "") & ~of_outside,
        alike=images["unlike_training"] == "",
        sure=images[list(classes)].max(axis=1),
        outside=of_outside,
    ).sort_values(["like", "alike", "sure"], kind="stable")
    turn = ordered.groupby(["like", "population"]).cumcount().where(~ordered["like"], 0)
    most = max(PICTURES, ordered.loc[~ordered["like"], "population"].nunique())
    return [
        {
            "picture": picture(row["file"]),
            "file": row["file"],
            "predicted": row["predicted"],
            "shares": [row[name] for name in classes],
            "unlike": row["unlike_training"],
            "nearest": nearest.shown(row["file"]) if row["outside"] or BY_FEATURES in row["unlike_training"] else (),
        }
        for row in ordered.assign(turn=turn).sort_values(["like", "turn"], kind="stable").head(most).to_dict("records")
    ]


def _images(images: pd.DataFrame, classes: Sequence[str], file: str) -> Grid:
    shown = (*classes, *spread(classes))
    rows = [
        tuple(Entry(text) for text in (row["file"], row["predicted"], *(number(row[name], DIGITS) for name in shown)))
        for row in images.to_dict("records")
    ]
    groups = (("", 2), ("probability", len(classes)), ("SD over the networks", len(classes)))
    return Grid(file.removesuffix(".csv"), ("file", "predicted", *classes, *classes), tuple(rows), 2, groups)


def _grid(table: str, frame: pd.DataFrame, columns: list[str], heads: tuple[str, ...]) -> Grid:
    rows = tuple(tuple(Entry(str(value)) for value in row) for row in frame[columns].itertuples(index=False))
    return Grid(table, heads, rows, len(columns))
