"""The pages of studies: how far each is, two of them side by side, and their reports as they lie on disk."""

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from oral_cancer.app.shelf import Shelf
from oral_cancer.errors import UserError
from oral_cancer.files import below
from oral_cancer.pages.grids import Entry, Grid
from oral_cancer.pages.render import render
from oral_cancer.study.compare import Compared, compared
from oral_cancer.study.listing import listed
from oral_cancer.study.progress import counts

PACKAGE = "oral_cancer.app"
OWN_WORLD = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; img-src data:"
)
"""Of a report, which may be somebody else's: it loads nothing, and cannot ask this server for anything."""
MEDIA = {".html": "text/html", ".csv": "text/csv", ".txt": "text/plain", ".yaml": "text/plain"}
"""What of a study is shown."""


class StudyPages:
    """The studies below the folders of results."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def show(self, _: Request) -> Response:
        """What is there, and how far it is."""
        studies: list[dict[str, Any]] = []
        for key, folder in self.shelf.studies().items():
            try:
                study = listed(folder)
            except UserError as refused:
                studies.append({"key": key, "name": folder.name, "fault": "; ".join(refused.lines)})
                continue
            done = sum(state.status == "complete" for state in study.states)
            studies.append(
                {
                    "key": key,
                    "name": folder.resolve().name,
                    "folder": str(folder),
                    "counts": counts(study.states),
                    "running": [state for state in study.states if state.status == "running"],
                    "done": done,
                    "total": len(study.states),
                    "best": study.best,
                    "end": study.end[:16].replace("T", " "),
                    "report": (folder / "report.html").is_file(),
                    "fault": "",
                }
            )
        return _page("studies.html.j2", {"title": "Studies", "studies": studies, "folders": self.shelf.folders})

    def compare(self, request: Request) -> Response:
        """Two of them side by side."""
        studies = self.shelf.studies()
        chosen = [studies.get(request.query_params.get(side, "")) for side in "ab"]
        content: dict[str, Any] = {"title": "Two studies side by side", "fault": "", "pairs": []}
        one, other = chosen
        if one is None or other is None:
            content["fault"] = "choose two studies"
        else:
            try:
                content["pairs"] = [_grids(pair) for pair in compared(one, other)]
            except UserError as refused:
                content["fault"] = "; ".join(refused.lines)
        return _page("compare.html.j2", content)

    def report(self, request: Request) -> Response:
        """A report, or a table beside it."""
        folder, name = self.shelf.studies().get(request.path_params["key"]), request.path_params["path"]
        path = _inside(folder, name) if folder else None
        if path is None:
            return PlainTextResponse("there is no such report", 404)
        headers = {"content-security-policy": OWN_WORLD}
        return FileResponse(path, media_type=MEDIA[path.suffix], headers=headers)


def _inside(folder: Path, name: str) -> Path | None:
    """A file of a study that may be shown; None for any other, and for what a link would lead out to."""
    if not below(name) or Path(name).suffix not in MEDIA:
        return None
    path = (folder / name).resolve()
    return path if path.is_relative_to(folder.resolve()) and path.is_file() else None


def _grids(pair: Compared) -> dict[str, Any]:
    heads = (pair.one.name, pair.other.name)
    settings = [
        tuple(Entry("null" if value is None else str(value)) for value in (name, *values))
        for name, values in pair.settings.items()
    ]
    figures = [tuple(map(Entry, map(str, row))) for row in pair.figures.to_numpy().tolist()]
    return {
        "title": f"{pair.one.name} and {pair.other.name}",
        "settings": Grid("", ("setting", *heads), tuple(settings), 3),
        "figures": Grid("", ("figure", *heads, "difference"), tuple(figures)),
        "remarks": pair.remarks,
    }


def _page(template: str, content: dict[str, Any]) -> Response:
    return Response(render(PACKAGE, template, {"here": "studies"} | content), media_type="text/html")
