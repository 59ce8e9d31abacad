"""What the verb `plan` shows: how many fields a composition needs."""

from pathlib import Path

from rich import get_console
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from oral_cancer.command import say
from oral_cancer.errors import UserError
from oral_cancer.evaluation import tables
from oral_cancer.evaluation.composition_tables import compose
from oral_cancer.evaluation.planning import Need, needs
from oral_cancer.pages.compositions import ESTIMATOR_NAMES, OF_FIELDS
from oral_cancer.study.aggregate import ranking
from oral_cancer.study.run_record import refuse_damaged
from oral_cancer.study.runs import read_study


def show_fields(folder: Path, width: float, experiment: str | None = None) -> None:
    """Print how many fields, or groups of them, give an interval of a width, and what limits it beside their number.

    Args:
        folder: of a study with test images.
        width: of a 95 % interval of a proportion, 0 to 1.
        experiment: whose networks estimate; None for the best by validation.

    Raises:
        UserError: for a study without finished runs, and without test images.
    """
    study = read_study(folder, experiment)
    refuse_damaged(study.complete)
    best = experiment or ranking(tables.summary(study.predictions))[0]
    composed = compose(study.predictions[study.predictions["experiment"] == best])[best]
    found = list(needs(composed, width))
    if not found:
        raise UserError(f"{folder}: {best} has no test images, by whose spread to plan; give source.test_share above 0")
    estimator = ESTIMATOR_NAMES[composed.headline.choice.name]
    say(f"{best} of {study.name}: a 95 % interval at most {width:g} wide, by {estimator}")
    get_console().print(_table(found, width))
    say(*_warnings(found, width), style="yellow")
    say(OF_FIELDS)


def _table(found: list[Need], width: float) -> Table:
    by_group = found[0].by_group
    what = "groups" if by_group else "fields"
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in (
        "a culture such as",
        f"{what} tested",
        "width so",
        f"{what} for {width:g}",
        "width at best",
        "off by",
    ):
        table.add_column(column, justify="left" if column.startswith("a ") else "right", overflow="fold")
    for need in found:
        number = str(need.needed) if need.needed else "no number"
        numbers = (f"{value:.2f}" for value in (need.least, need.off))
        table.add_row(escape(need.name), str(need.units), f"{need.width:.2f}", number, *numbers)
    return table


def _warnings(found: list[Need], width: float) -> list[str]:
    """What limits beside the number of fields."""
    said = []
    if never := [need.name for need in found if need.needed is None]:
        said.append(
            f"{', '.join(never)}: no number of fields will do; the spread comes from the networks, from what the "
            "estimate was fitted on, and from how far off it is on other cultures: training on more cultures, or "
            "controls on each plate, would lessen it"
        )
    if biased := [need.name for need in found if need.off > width / 2]:
        said.append(
            f"{', '.join(biased)}: known cultures are off by more than {width / 2:g}, half the width: bias, not "
            "number, limits; more fields would make the interval narrower and no truer"
        )
    return said
