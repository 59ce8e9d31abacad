"""What came of a search: a table of its trials, the best settings as a command line, and a page with both."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from oral_cancer.called import command
from oral_cancer.command import say
from oral_cancer.counting import counted
from oral_cancer.errors import UserError
from oral_cancer.files import write_text
from oral_cancer.pages.grids import LACKING, Entry, Grid
from oral_cancer.pages.panels import drawn
from oral_cancer.pages.render import render
from oral_cancer.privacy import redacted
from oral_cancer.study import search_plots
from oral_cancer.study.journal import ERROR, OBJECTIVES, SECONDS, Search, open_journal, read_search
from oral_cancer.study.parameters import overrides_of
from oral_cancer.study.progress import duration

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

TABLE = "trials"
DIGITS = 4  # of what trials are judged by: they differ by little
ENOUGH = 10  # trials that succeeded, below which importances would be noise
STATES = {"COMPLETE": "complete", "FAIL": "failed", "RUNNING": "running"}


def write_search_report(folder: Path) -> Path:
    """Make tables/trials.csv and report.html of a search from the trials that are there, and say what is best.

    Returns:
        The path of report.html.

    Raises:
        UserError: where there is no trial, or none that succeeded, once table and page are written.
    """
    search = read_search(folder)
    if search is None:
        raise UserError(f"{folder}: holds no search; give the folder of one, such as outputs/studies/search")
    study = open_journal(folder, search.direction)
    trials = study.trials
    write_text(folder / "tables" / f"{TABLE}.csv", _csv(search, trials))
    page = folder / "report.html"
    write_text(page, render("oral_cancer.study", "search.html.j2", _content(folder.resolve().name, search, study)))
    failed = [trial for trial in trials if trial.state.name == "FAIL"]
    if failed:
        say(f"{folder.name}: {len(failed)} of {counted(len(trials), 'trial')} failed; {TABLE}.csv says why")
    if not _complete(trials):
        say(f"page: {page}", whole=True)
        first = failed[0].user_attrs[ERROR] if failed else "none has ended"
        raise UserError(
            f"{folder.name}: no trial of {len(trials)} succeeded ({first}); mend that, and choose another study.name"
        )
    best = study.best_trial
    say(f"best: trial {best.number}, {search.judged_by} {best.value:.{DIGITS}f}; to train with it:")
    say(command_line(search, best))
    say(f"page: {page}", whole=True)
    return page


def command_line(search: Search, trial: "FrozenTrial") -> str:
    """What trains with a trial's settings, to be pasted into a shell."""
    return command("train", *search.command, *(f"{k}={v}" for k, v in overrides_of(trial).items()))


def trials_table(trials: Iterable["FrozenTrial"], options: Iterable[str]) -> pd.DataFrame:
    """One row a trial: number, state, value, every parameter as it stands on a command line, seconds, error."""
    rows = [
        {
            "number": trial.number,
            "state": STATES[trial.state.name],
            "value": trial.value,
            **overrides_of(trial),
            "seconds": trial.user_attrs.get(SECONDS),
            "error": trial.user_attrs.get(ERROR, ""),
        }
        for trial in trials
    ]
    return pd.DataFrame(rows, columns=["number", "state", "value", *options, "seconds", "error"])


def importances(study: "Study") -> dict[str, float]:
    """The share of the value's variance that each parameter explains (fANOVA), the largest first.

    Empty where too few trials succeeded, or all with the same value.
    """
    complete = _complete(study.trials)
    if len(complete) < ENOUGH or len({trial.value for trial in complete}) < 2:
        return {}
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))


def _csv(search: Search, trials: Sequence["FrozenTrial"]) -> str:
    table = trials_table(trials, search.parameters)
    marked = table.assign(images="simulated") if _simulated(search) else table
    return marked.to_csv(index=False, lineterminator="\n")


def _content(name: str, search: Search, study: "Study") -> dict[str, Any]:
    search, trials = search.shown, study.trials
    complete = _complete(trials)
    best = study.best_trial if complete else None
    table = trials_table(trials, search.parameters)
    if search.private:
        table["error"] = redacted(table["error"].tolist())
    shares = importances(study)
    return {
        "title": f"Search {name}",
        "name": name,
        "search": search,
        "objective": OBJECTIVES[search.objective],
        "simulated": _simulated(search),
        "facts": _facts(search, trials),
        "best": best,
        "value": "" if best is None else f"{best.value:.{DIGITS}f}",
        "command": "" if best is None else command_line(search, best),
        "enough": ENOUGH,
        "history": drawn("history", search_plots.history(table, search)) if complete else [],
        "by_parameter": drawn("parameter", search_plots.by_parameter(complete, best, search.judged_by)) if best else [],
        "importances": drawn("importance", [search_plots.importances(shares)] if shares else []),
        "trials": _grid(table, None if best is None else best.number, search.judged_by),
    }


def _facts(search: Search, trials: Sequence["FrozenTrial"]) -> dict[str, str]:
    """What the page's head says, by its name there."""
    counts = {state: sum(trial.state.name == name for trial in trials) for name, state in STATES.items()}
    seconds = sum(float(trial.user_attrs.get(SECONDS) or 0) for trial in trials)
    source = "simulated micrographs" if _simulated(search) else str(search.data.get("source"))
    sampler = {key: value for key, value in search.sampler.items() if not key.startswith("_")}
    return {
        "Images": f"{search.data.get('images', '?')} from {source}",
        "Fingerprint": str(search.data.get("fingerprint", "unknown"))[:16],
        "Weights at the start": search.weights,
        "Trials": ", ".join(f"{number} {state}" for state, number in counts.items() if number),
        "Sampler": ", ".join(
            [search.sampler["_target_"].rpartition(".")[2], *(f"{key} {value}" for key, value in sampler.items())]
        ),
        "Duration": f"{duration(seconds)} of training",
        **search.parameters,
    }


def _grid(table: pd.DataFrame, best: int | None, judged_by: str) -> Grid:
    """The trials as people read them, the best in bold."""
    errors = table["error"].astype(bool).any()
    columns = [column for column in table if column != "error" or errors]
    rows = tuple(
        tuple(Entry(_shown(row[column], str(column)), row["number"] == best) for column in columns)
        for row in table.to_dict("records")
    )
    return Grid(TABLE, tuple(judged_by if column == "value" else str(column) for column in columns), rows, 2)


def _shown(value: Any, column: str) -> str:
    if value is None or value != value:  # NaN
        return LACKING
    if column == "value":
        return f"{value:.{DIGITS}f}"
    if column == "seconds":
        return f"{value:.0f}"
    try:
        return f"{float(value):.4g}" if "." in str(value) else str(value)
    except ValueError:
        return str(value)


def _complete(trials: Iterable["FrozenTrial"]) -> list["FrozenTrial"]:
    return [trial for trial in trials if trial.state.name == "COMPLETE"]


def _simulated(search: Search) -> bool:
    return search.data.get("source") == "simulated"
