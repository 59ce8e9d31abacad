"""The page for the bench as HTML, from what a session holds."""

from functools import cache
from pathlib import Path
from typing import Any

from oral_cancer.app import view
from oral_cancer.app.downloads import DOWNLOADS
from oral_cancer.app.sessions import Desk, Session
from oral_cancer.app.shelf import Card, Offer
from oral_cancer.app.work import Result
from oral_cancer.errors import UserError
from oral_cancer.formats.kinds import SUFFIXES
from oral_cancer.inference.members import networks_in_words
from oral_cancer.pages.compositions import OF_FIELDS, untried
from oral_cancer.pages.render import render

PACKAGE = "oral_cancer.app"
PLANES_SHOWN = 200
FILES_SHOWN = 20
"""Files of a kind that are named in the check."""


def bench_page(desk: Desk, session: Session, listing: view.Listing) -> str:
    """The page: model, images, result, images one by one."""
    offers = desk.shelf.offers()
    line, card = session.line, None
    try:
        card = desk.card(session)
    except UserError as refused:
        line = "; ".join(refused.lines)
    content: dict[str, Any] = {
        "title": "What is in my culture?",
        "here": "bench",
        "line": line,
        "offers": offers,
        "title_of": title_of,
        "card": card,
        "model": _model(card) if card else None,
        "chosen": "/".join(session.model or ()),
        "folders": ", ".join(map(str, desk.shelf.folders)),
        "session": session,
        "limits": desk.limits,
        "suffixes": " ".join(SUFFIXES),
        "allowed": desk.allowed,
        "progress": view.progress(session.job, desk.queue(session.job)),
        "checked": session.checked,
        "files_shown": FILES_SHOWN,
        "planes": min(session.planes, PLANES_SHOWN),
        "result": None,
    }
    return render(PACKAGE, "bench.html.j2", content | (_result(session.result, listing) if session.result else {}))


def image_page(result: Result, number: int, listing: view.Listing) -> str:
    """One image of a result, large, beside what each network says of it, and the way back to the list it was in."""
    one = view.image(result, number)
    content = {
        "title": one["file"],
        "here": "image",
        "result": result,
        "one": one,
        "listing": listing,
        "classes": result.card.study.classes,
        "simulated": result.card.study.simulated,
        "networks": [
            (run.name, [view.percent(share) for share in shares])
            for run, shares in zip(result.card.runs, result.by_file[one["file"]].probabilities, strict=True)
        ],
        "network": result.card.runs[0].name,
        "percent": view.percent,
        "zip": zip,
    }
    return render(PACKAGE, "image.html.j2", content)


@cache
def style() -> str:
    """The style sheet of all pages."""
    return render(PACKAGE, "style.css.j2", {})


@cache
def script() -> str:
    """What a page does beside being read."""
    return (Path(__file__).parent / "bench.js").read_text(encoding="utf-8")


def title_of(offer: Offer) -> str:
    """What a list of models calls a study."""
    trainings = f"{offer.runs} training{'s' * (offer.runs != 1)}"
    return ", ".join(part for part in (offer.folder.resolve().name, trainings, offer.end) if part)


def _model(card: Card) -> dict[str, Any]:
    return {
        "simulated": card.study.simulated,
        "trained_on": view.trained_on(card),
        "expected": view.expected(card),
        "networks": networks_in_words(card.runs),
        "report": (card.offer.folder / "report.html").is_file(),
    }


def _result(result: Result, listing: view.Listing) -> dict[str, Any]:
    images, number = view.images(result, listing)
    return {
        "result": result,
        "classes": result.card.study.classes,
        "cultures": view.cultures(result),
        "populations": list(result.prediction.populations["population"]),
        "off_by": view.off_by(result.loaded),
        "untried": untried(result.loaded.model.headline),
        "of_fields": OF_FIELDS,
        "downloads": DOWNLOADS,
        "listing": listing,
        "images": images,
        "number": number,
        "last": max(0, (number - 1) // view.AT_ONCE),
        "at_once": view.AT_ONCE,
        "flags": view.FLAGS,
        "orders": view.ORDERS,
        "network": result.card.runs[0].name,
        "percent": view.percent,
        "zip": zip,
    }
