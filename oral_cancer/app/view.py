"""What the page says of models, images and results, in a biologist's words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pandas as pd

from oral_cancer.app.jobs import Job, Queue
from oral_cancer.app.shelf import Card, Loaded
from oral_cancer.app.work import Result
from oral_cancer.counting import counted
from oral_cancer.formats.brightness import Levels, in_words
from oral_cancer.inference.page import KINDS
from oral_cancer.inference.results import spread
from oral_cancer.study.progress import duration
from oral_cancer.study.runs import Study

MANY = 0.25
"""Share of flagged images from which on a culture's estimate is not to be relied on."""
AT_ONCE = 12
"""Images of a list."""
ORDERS = {"uncertain": "least certain first", "file": "by name"}
FLAGS = {"all": "all images", "flagged": "flagged", "unflagged": "not flagged"}


def percent(share: float) -> str:
    """E.g. "92"."""
    return f"{100 * share:.0f}"


@dataclass(frozen=True)
class Culture:
    """What is said of a culture.

    Attributes:
        name: its folder.
        images: that count.
        main: the class with the greatest share, and that share in per cent.
        interval: e.g. "88 to 95"; "" where there is none.
        shares: of each class, 0 to 1; none where no image could be predicted.
        ends: of the interval of each in per cent, as `interval`.
        cautions: why not to rely on it.
    """

    name: str
    images: int
    main: str
    interval: str
    shares: Sequence[float]
    ends: Sequence[str]
    cautions: Sequence[str]


def cultures(result: Result) -> list[Culture]:
    """The cultures of a result, in the order of its table."""
    populations, classes = result.prediction.populations, result.card.study.classes
    kind = next(kind for kind in KINDS if f"{classes[0]}{kind}" in populations)
    return [_culture(row, classes, kind, result.images.name) for row in populations.to_dict("records")]


def _culture(row: Mapping[Any, Any], classes: Sequence[str], kind: str, folder: str) -> Culture:
    name = folder if row["population"] == "." else str(row["population"])
    if not row["images"]:
        return Culture(name, 0, "", "", (), (), ("None of its images could be read.",))
    shares = [float(row[f"{cls}{kind}"]) for cls in classes]
    ends = [_ends(row[f"{cls}{kind}_low"], row[f"{cls}{kind}_high"]) for cls in classes]
    first = max(range(len(classes)), key=lambda k: shares[k])
    main = f"{classes[first]} {percent(shares[first])} %"
    return Culture(name, row["images"], main, ends[first], shares, ends, list(_cautions(row, classes[first])))


def _ends(low: float, high: float) -> str:
    return "" if pd.isna(low) else f"{percent(low)} to {percent(high)}"


def _cautions(row: Mapping[Any, Any], main: str) -> list[str]:
    said = []
    if row["ratio"]:
        said.append(
            f"Outside the mixtures that the model was tried on: read it as “mostly {main}”, not as a measured share."
        )
    if row["unlike_training"] >= MANY * row["images"]:
        flagged = f"{row['unlike_training']} of {counted(row['images'], 'image')}"
        said.append(f"{flagged} unlike those of the training: the networks have learnt nothing about such images.")
    if row["features"]:
        said.append(f"The culture lies {row['features']}.")
    if row["remark"]:
        said.append(f"{row['remark'].capitalize()}: its images show next to nothing, or nothing that differs.")
    if row["images"] == 1:
        said.append("A single image: no interval.")
    return said


def off_by(loaded: Loaded) -> str:
    """How far off such estimates were where the truth is known; "" where nothing tells."""
    if loaded.off is None:
        return ""
    points = f"{100 * loaded.off:.1f}".removesuffix(".0")
    of = counted(loaded.cultures, "test culture")
    return f"In the study’s {of} such estimates were off by {points} points on average."


def expected(card: Card) -> str:
    """What images the model expects, in a line."""
    facts = card.runs[0].facts
    span: Mapping[str, Sequence[float]] = facts.get("training_appearance") or {}
    said = []
    if "width" in span and "height" in span:
        said.append(f"about {_both(span['width'])} × {_both(span['height'])} px")
    if "colour" in span:
        said.append("colour" if span["colour"][0] >= 1 else "grey")
    levels = (facts.get("reading") or {}).get("levels") or []
    depths = (in_words(Levels(one["black"], one["white"], one["by"])) for one in levels)
    said += [" or ".join(dict.fromkeys(depths))] if levels else []
    if "brightness" in span:
        said.append(f"brightness {_both(span['brightness'])} of 255")
    if "contrast" in span:
        said.append(f"contrast {_both(span['contrast'])}")
    if "micrometres" in span:
        said.append(f"{_both(span['micrometres'], 3)} µm a pixel")
    return ", ".join(said)


def _both(ends: Sequence[float], digits: int = 0) -> str:
    low, high = (f"{end:.{digits}f}" if digits == 0 else f"{end:.{digits}g}" for end in ends)
    return low if low == high else f"{low} to {high}"


def trained_on(card: Card) -> str:
    """What the model was trained on, in a line."""
    study, facts = card.study, card.runs[0].facts
    images = f"{facts['images']} images" if facts.get("images") else "images"
    source = "simulated micrographs" if study.simulated else f"{facts.get('source')} images"
    mixtures = sorted(set(study.predictions.loc[study.predictions["set"] == "hetero", "label"]))
    mixed = f" and {counted(len(mixtures), 'mixture')}" if mixtures else ""
    return f"Trained on {images} ({source}) of {', '.join(study.classes)}{mixed}, {counted(len(card.runs), 'network')}."


def progress(job: Job | None, queue: Queue) -> dict[str, Any]:
    """Where a piece of work stands, as the browser asks for it."""
    if job is None:
        return {"state": "none", "words": "", "done": 0, "total": 0, "line": ""}
    ahead, words = queue.ahead(job), ""
    if job.is_stopping:
        words = "Being cancelled"
    elif job.state == "waiting":
        words = f"Waiting for {counted(ahead, 'job')} of others" if ahead else "About to begin"
    elif job.state == "running":
        words = f"{job.words.capitalize()} images" if not job.total else f"{job.done} of {counted(job.total, 'image')}"
        if (left := job.seconds_left) is not None:
            words += f", about {duration(left)} left"
    elif job.state == "cancelled":
        words = "Cancelled."
    return {"state": job.state, "words": words, "done": job.done, "total": job.total, "line": job.line}


@dataclass(frozen=True)
class Listing:
    """Which images of a result are shown.

    Attributes:
        culture: whose; "" for those of all.
        flag: a key of `FLAGS`.
        order: a key of `ORDERS`.
        page: from 0.
        heat: whether Grad-CAM stands beside each.
    """

    culture: str = ""
    flag: str = "all"
    order: str = "uncertain"
    page: int = 0
    heat: bool = True

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Listing":
        """As a form asks for it; what is none of the choices is left at the first."""
        if not query:
            return cls()
        page = query.get("page", "0")
        return cls(
            query.get("culture", ""),
            query.get("flag", "") if query.get("flag") in FLAGS else "all",
            query.get("order", "") if query.get("order") in ORDERS else "uncertain",
            int(page) if page.isdecimal() and len(page) < 6 else 0,
            "heat" in query,
        )

    def link(self, page: int) -> str:
        """The query of another page of the list."""
        said = {"culture": self.culture, "flag": self.flag, "order": self.order, "page": page}
        return urlencode(said | ({"heat": "on"} if self.heat else {}))


def images(result: Result, listing: Listing) -> tuple[list[dict[str, Any]], int]:
    """The images of a list's page, and how many the list has in all."""
    frame = result.prediction.images
    classes = list(result.card.study.classes)
    frame = frame[frame["left_out"] == ""]
    frame = frame.assign(number=range(len(frame)), sure=frame[classes].max(axis=1))
    if listing.culture:
        frame = frame[frame["population"] == listing.culture]
    if listing.flag != "all":
        frame = frame[(frame["unlike_training"] != "") == (listing.flag == "flagged")]
    frame = frame.sort_values("sure" if listing.order == "uncertain" else "file", kind="stable")
    first = listing.page * AT_ONCE
    return [_image(row, classes) for row in frame.iloc[first : first + AT_ONCE].to_dict("records")], len(frame)


def image(result: Result, number: int) -> dict[str, Any]:
    """One image by its number."""
    frame = result.prediction.images
    classes = list(result.card.study.classes)
    return _image(
        frame[frame["left_out"] == ""].assign(number=range(len(result.files))).iloc[number].to_dict(), classes
    )


def _image(row: Mapping[Any, Any], classes: Sequence[str]) -> dict[str, Any]:
    predicted = str(row["predicted"])
    sd = [row[name] for name in spread(classes)]
    return {
        "number": row["number"],
        "file": row["file"],
        "predicted": predicted,
        "sure": percent(row[predicted]),
        "sd": "" if pd.isna(row[f"{predicted}_sd"]) else percent(row[f"{predicted}_sd"]),
        "shares": [row[name] for name in classes],
        "sds": ["" if pd.isna(value) else percent(value) for value in sd],
        "unlike": row["unlike_training"],
    }


def methods_text(study: Study, result: Result, sentences: Sequence[str], closing: Sequence[str]) -> str:
    """Paragraphs for a paper's Methods: the study's own, and what was done with the images."""
    frame = result.prediction.populations
    of_images = (
        f"The composition of {counted(len(frame), 'culture')} ({counted(int(frame['images'].sum()), 'image')}) was "
        f"estimated with {counted(len(result.card.runs), 'network')} of {result.card.experiment} of the study "
        f"{study.name}."
    )
    left_out = int(frame["left_out"].sum())
    if left_out:
        of_images += f" {counted(left_out, 'image')} could not be read or were identical to another, and did not count."
    flagged = int(frame["unlike_training"].sum())
    if flagged:
        of_images += f" {counted(flagged, 'image')} did not look like the training images."
    return "\n\n".join([" ".join(sentences), of_images, *closing]) + "\n"
