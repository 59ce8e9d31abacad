"""A study's workspace and report in W&B, made by code from what its runs have logged."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import wandb

from oral_cancer.command import brief, say
from oral_cancer.counting import counted
from oral_cancer.errors import UserError
from oral_cancer.evaluation.tables import summary
from oral_cancer.files import write_json
from oral_cancer.pages import figures
from oral_cancer.pages.grids import Grid
from oral_cancer.settings.callbacks import MEASURED
from oral_cancer.study.aggregate import ranking
from oral_cancer.study.runs import Study, read_study
from oral_cancer.study.tracked import SAVE_DIR, project_of
from oral_cancer.tracking.faults import FAULTS
from oral_cancer.tracking.identity import EPOCH, curve, key
from oral_cancer.tracking.start import keep_quiet_and_out_of_home, logged_in

PACKAGE = "wandb_workspaces"
FILE = "wandb.json"
"""In a study's folder: where its workspace and its report are, by which they are made anew in place."""
FIGURES = ("accuracy", "f1_macro", "auc_macro", "rmse")
COLUMNS, WIDTH, HEIGHT = 24, 8, 6  # of a report's grid, and of a panel in it
SAID = (
    "Mean (SD) over the trainings, validation left, test right. Which differences are real, and what cultures are made "
    "of, says the study's own page: report.html of the artifact of type report."
)


def write_wandb_pages(folder: Path) -> None:
    """Make the workspace and the report of a study in W&B; those that it has already, anew in place.

    Args:
        folder: of a study with at least one finished run, whose runs are online.

    Raises:
        UserError: where the package is not installed, the user is not online, or no run of the study is.
    """
    study = read_study(folder)
    _insist_on_login()
    with _faults_of_wandb():
        entity, project = _place(study)
        _insist_on_runs(study, entity, project)
        path = folder / FILE
        pages = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        for what, made in (("workspace", _workspace), ("report", _report)):
            pages[what] = made(study, entity, project, pages.get(what))
            write_json(path, pages)
            say(f"{what}: {pages[what]}", whole=True)


def _insist_on_login() -> None:
    if find_spec(PACKAGE) is None:
        raise UserError("wandb: needs the package wandb-workspaces; pip install 'oral-cancer[wandb]'")
    keep_quiet_and_out_of_home(SAVE_DIR)
    mode = wandb.setup().settings.mode
    if mode != "online":
        raise UserError(f"wandb: WANDB_MODE={mode} keeps W&B from the network; unset it for this command")
    if not logged_in():
        raise UserError("wandb: you are not logged in to W&B; `wandb login` asks for your key")


@contextmanager
def _faults_of_wandb() -> Iterator[None]:
    """What W&B's server refuses, or that it does not answer, in one line."""
    try:
        yield
    except FAULTS as error:
        url = wandb.setup().settings.base_url
        raise UserError(f"wandb: {url} has not made the pages ({brief(error)}); try again once it answers") from error


def _place(study: Study) -> tuple[str, str]:
    """Entity and project of the runs: those that a run was logged to, or of runs that were offline the user's own."""
    for run in study.complete:
        parts = urlsplit(run.wandb_url).path.strip("/").split("/")
        if len(parts) == 4:
            return parts[0], parts[1]
    entity = wandb.Api(timeout=30).default_entity
    if not entity:
        raise UserError("wandb: W&B does not say whose runs these are; WANDB_ENTITY=<user or team> does")
    return str(entity), project_of(study)


def _insist_on_runs(study: Study, entity: str, project: str) -> None:
    runs = wandb.Api(timeout=30).runs(f"{entity}/{project}", filters={"group": study.name}, per_page=1)
    try:
        there = len(runs)
    except ValueError:  # there is no such project
        there = 0
    if not there:
        raise UserError(
            f"wandb: {entity}/{project} has no run of {study.name}; send those that are offline there with "
            f"`wandb sync {SAVE_DIR}/wandb`"
        )


def _workspace(study: Study, entity: str, project: str, url: str | None) -> str:
    """The address of the workspace: the study's trainings, their curves, what they came to, and doubtful images."""
    from wandb_workspaces import workspaces as ws
    from wandb_workspaces.reports import v2 as wr

    workspace = ws.Workspace.from_url(url) if url else ws.Workspace(entity, project)
    workspace.name = f"Study {study.name}"
    images = wr.WeavePanelSummaryTable(table_name=key("predictions", "images"))
    sections = {"Curves": _curves(), "Figures": _figures(study), "Predictions": [images]}
    workspace.sections = [ws.Section(name, panels=panels, is_open=True) for name, panels in sections.items()]
    workspace.settings = ws.WorkspaceSettings(x_axis=EPOCH, max_runs=max(10, len(study.runs)))
    workspace.runset_settings = ws.RunsetSettings(filters=_trainings(study), groupby=[ws.Config("experiment")])
    return str(workspace.save().url)


def _report(study: Study, entity: str, project: str, url: str | None) -> str:
    """The address of the report: the figures as the study's own page has them, and the curves."""
    from wandb_workspaces.reports import v2 as wr

    report = wr.Report.from_url(url) if url else wr.Report(project=project, entity=entity)
    table = summary(study.predictions)
    warning = "Simulated micrographs: no figure here says anything about real cells. " if study.simulated else ""
    report.title = f"Study {study.name}"
    report.description = f"{warning}{counted(len(study.complete), 'training')} of {study.name}."
    report.width = "fluid"
    report.blocks = [
        wr.H2("Figures"),
        wr.P(SAID),
        wr.MarkdownBlock(markdown(figures.summary(table, ranking(table)))),
        wr.PanelGrid(runsets=[_runset(study, entity, project)], panels=_side_by_side(_figures(study))),
        wr.H2("Training"),
        wr.PanelGrid(runsets=[_runset(study, entity, project)], panels=_side_by_side(_curves())),
    ]
    return str(report.save().url)


def _trainings(study: Study) -> Any:
    """What of the project is a training of the study."""
    from wandb_workspaces import expr

    experiments = list(dict.fromkeys(run.experiment for run in study.runs))
    return expr.And(expr.Config("study") == study.name, expr.Config("experiment").isin(experiments))


def _runset(study: Study, entity: str, project: str) -> Any:
    from wandb_workspaces.reports import v2 as wr

    return wr.Runset(entity, project, study.name, filters=_trainings(study), groupby=["config.experiment"])


def _curves() -> list[Any]:
    from wandb_workspaces.reports import v2 as wr

    return [wr.LinePlot(title=name.replace("_", " "), x=EPOCH, y=[curve(name)]) for name in MEASURED]


def _figures(study: Study) -> list[Any]:
    """A plot of bars for each figure of each split, as far as the study has them."""
    from wandb_workspaces.reports import v2 as wr

    there = set(summary(study.predictions)[["split", "metric"]].itertuples(index=False, name=None))
    named = [(split, metric) for split in ("test", "val") for metric in FIGURES if (split, metric) in there]
    return [wr.BarPlot(title=f"{split} {metric}", metrics=[key(split, metric)]) for split, metric in named]


def _side_by_side(panels: list[Any]) -> list[Any]:
    from wandb_workspaces.reports import v2 as wr

    for place, panel in enumerate(panels):
        row, column = divmod(place, COLUMNS // WIDTH)
        panel.layout = wr.Layout(x=column * WIDTH, y=row * HEIGHT, w=WIDTH, h=HEIGHT)
    return panels


def markdown(grid: Grid) -> str:
    """A grid as a table of Markdown, which is not HTML."""
    rows = [grid.columns, ["---"] * len(grid.columns), *([entry.text for entry in row] for row in grid.rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
