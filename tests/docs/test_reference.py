"""The reference says all there is: settings, commands, columns of tables."""

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from docs.extensions.commands import commands_page
from docs.extensions.own_assets import ELSEWHERE
from docs.extensions.settings import GROUPS, PRESETS, comments, options_below, settings_page
from oral_cancer.config_groups import CONF
from oral_cancer.data import leaks, statistics
from oral_cancer.evaluation import composition_tables, predictions, tables
from oral_cancer.evaluation.ensembles import Ensembles, ensembles, repetitions
from oral_cancer.inference.controls import control_table
from oral_cancer.inference.results import image_table
from oral_cancer.settings.commands import COMMANDS
from oral_cancer.settings.training import Training
from oral_cancer.study.aggregate import OF_COMPOSITIONS, OF_ENSEMBLES, OF_RUNS, OF_YARDSTICKS, TABLES
from oral_cancer.study.search_page import trials_table
from oral_cancer.training import callbacks, splits_file
from tests.docs.pages import documented
from tests.evaluation.conftest import make_run
from tests.published import CLASSES
from tests.study.made_up import few_resamples
from tests.test_cli import VERBS

Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def settings() -> str:
    return settings_page()


@pytest.fixture(scope="module")
def made_tables() -> Tables:
    """Those of a study of made-up predictions."""
    frame = pd.concat([make_run(name, fold) for name in ("m1", "m2") for fold in (0, 1)], ignore_index=True)
    mixed = Ensembles(ensembles(frame), repetitions(frame))
    composed = composition_tables.compose(frame)
    with few_resamples():
        made = {name: table(frame) for name, table in OF_RUNS.items()}
        made |= {name: table(mixed) for name, table in OF_ENSEMBLES.items()}
        made |= {name: table(mixed, composed) for name, table in OF_COMPOSITIONS.items()}
    return made | {name: made[of] for name, of in OF_YARDSTICKS.items()}


def test_every_setting_is_there_with_what_it_must_be(settings: str) -> None:
    lines = settings.splitlines()
    every = [*options_below(Training), *(one for section in COMMANDS.values() for one in options_below(section))]
    assert len(every) > 150
    for option in every:
        assert any(line.startswith(f"| `{option.name}` | ") for line in lines), option.name
        assert option.allowed, option.name
    assert "| `data.batch_size` | a whole number of at least 1 | `16` | as in the paper | yes |" in lines
    assert "| `store` | a folder | `outputs/store` | where decoded images are kept | no |" in lines


def test_every_choice_is_there(settings: str) -> None:
    for group in (*GROUPS, *PRESETS):
        for path in (CONF / group).glob("*.yaml"):
            assert f"| `{group}={path.stem}` |" in settings


def test_a_comment_is_of_the_value_before_it_or_below_it() -> None:
    said = comments(CONF / "resampling" / "borderline_smote.yaml")
    assert said["k_neighbors"] == "paper; images of the mixture to interpolate with"
    assert comments(CONF / "model" / "efficientnet_b3.yaml")["recipe.precision"] == "paper"
    assert "multiples" in said


def test_no_word_in_angle_brackets_is_taken_for_html(settings: str) -> None:
    assert "<study>" not in settings
    assert "&lt;study>" in settings


def test_every_verb_is_there_with_its_help() -> None:
    page = commands_page()
    assert [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")] == list(VERBS)
    assert "--json" in page
    assert "oral-cancer train study=demo" in page
    assert "${" not in page


@pytest.mark.parametrize("name", TABLES)
def test_every_column_of_a_study_is_there(name: str, made_tables: Tables) -> None:
    expected = documented(f"{name}.csv", CLASSES)
    found = set(made_tables[name])
    if name == "mixtures":  # the two that mix, of all that could
        over = {column for column in found if column.startswith("share_")}
        assert len(over) == 1
        found, expected = found - over, {one for one in expected if not one.startswith("share_")}
    assert found == expected


PLATE: Any = SimpleNamespace(used=(), judged=())
OTHERS: dict[str, Callable[[], Iterable[str]]] = {
    "history.csv": lambda: callbacks.COLUMNS,
    "splits.csv": lambda: (*splits_file.READ, splits_file.COPIES, "set"),
    "near_duplicates.csv": lambda: leaks.COLUMNS,
    "image_statistics.csv": lambda: ("file", *predictions.true_columns(CLASSES), *statistics.NAMES),
    "predictions.csv": lambda: predictions.columns(CLASSES, grouped=True),
    "predictions.csv, of new images": lambda: image_table([], [], CLASSES, None, "m1"),
    "controls.csv": lambda: control_table(image_table([], [], CLASSES, None, ""), PLATE, CLASSES),
    "trials.csv": lambda: trials_table([], []),
    "groups.csv": lambda: tables.groups(pd.DataFrame()),
}


@pytest.mark.parametrize("table", OTHERS)
def test_every_column_of_other_tables_is_there(table: str) -> None:
    assert documented(table, CLASSES) == set(OTHERS[table]())


@pytest.mark.parametrize(
    ("page", "is_elsewhere"),
    [
        ('<script src="https://cdn.example/mathjax.js">', True),
        ('<link rel="stylesheet" href="//fonts.example/a.css">', True),
        ("@import 'https://fonts.example/a.css'", True),
        ("src: url(https://fonts.example/a.woff)", True),
        ('<img src="_images/report.jpg">', False),
        ('<a href="https://doi.org/10.1371/journal.pone.0310304">', False),
    ],
)
def test_what_is_loaded_from_another_host_is_noticed(page: str, is_elsewhere: bool) -> None:
    assert bool(ELSEWHERE.search(page)) is is_elsewhere
