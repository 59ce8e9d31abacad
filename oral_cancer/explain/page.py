"""An index of explanations: each image with its label, and what each network says about it and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from oral_cancer.pages.render import render
from oral_cancer.study.runs import Study


@dataclass(frozen=True)
class Shown:
    """One image explained by one network.

    Attributes:
        file: the image's path below its folder.
        experiment, training: of the network, e.g. "m5" and "fold=0".
        true: its class or mixture, or None where it is not known.
        probabilities: of the classes.
        predicted: the most probable class.
        target: index of the class that the pictures are about.
        correct: of a pure image whether the most probable class is its label; None of others.
        off: of a mixed image the mean absolute error of its proportions; None of others.
        pictures: paths of the files relative to the page, by the picture's name; "sheet" is one of them.
    """

    file: str
    experiment: str
    training: str
    true: str | None
    probabilities: tuple[float, ...]
    predicted: str
    target: int
    correct: bool | None
    off: float | None
    pictures: dict[str, str]


def explanations_page(
    study: Study,
    explained: Sequence[Shown],
    unread: Sequence[str],
    no_map: Sequence[str],
    facts: Mapping[str, str],
) -> str:
    """The HTML of the page; its sheets are files beside it.

    Args:
        study: whose networks explain.
        explained: what is shown, one image after the other.
        unread: a line for each image that could not be read.
        no_map: names of the runs to which Grad-CAM does not apply.
        facts: for the head of the page, by name.
    """
    by_image: dict[str, list[Shown]] = {}
    for one in explained:
        by_image.setdefault(one.file, []).append(one)
    content = {
        "title": f"Explanations, {study.name}",
        "study": study,
        "classes": study.classes,
        "images": by_image,
        "unread": unread,
        "no_map": no_map,
        "facts": facts,
        "quote": quote,
        "zip": zip,
    }
    return render("oral_cancer.explain", "explanations.html.j2", content)
