"""The settings of a study of many trainings: its name, what it varies, and how many run at once."""

import re
from typing import Annotated, Literal

from annotated_types import Ge, Le, MinLen

from oral_cancer.settings.data import Fold
from oral_cancer.settings.rules import AS_TYPED, Rule, Section, fitting, whole
from oral_cancer.spreadsheets import is_formula

SEEDS = 2**32 - 1  # the largest that NumPy takes
FOLDER_NAME = Rule(
    "a name that a folder can have: not empty, no slash, no dot or space at its start",
    (fitting(lambda name: re.fullmatch(r"[^./\\\s][^/\\\x00-\x1f]*", name) is not None),),
)
NAME_IN_TABLES = Rule(
    f"{FOLDER_NAME.allowed}, nor =, +, - or @, which a spreadsheet would take for a formula",
    (*FOLDER_NAME.constraints, fitting(lambda name: not is_formula(name))),
)


Seeds = Annotated[
    list[Annotated[int, Ge(0), Le(SEEDS)]] | None,
    Rule("a list of whole numbers of at least 0, such as [0,1,2]", (MinLen(1),)),
]


class Study(Section):
    """Of a multirun; `models`, `folds` and the seeds are those of conf/study."""

    name: Annotated[str, NAME_IN_TABLES, AS_TYPED]
    models: Annotated[
        list[Annotated[str, MinLen(1)]] | None, Rule("a list of choices of conf/experiment, such as [m1,m5]")
    ] = None
    vary: Annotated[list[Annotated[str, MinLen(1)]] | None, Rule("a list of choices of conf/experiment")] = None
    folds: Annotated[
        list[Fold] | Literal["leave_one_group_out"] | None,
        Rule("a list of folds, such as [0,1]; [all] trains on every fold; or leave_one_group_out"),
    ] = None
    seeds: Seeds = None
    split_seeds: Seeds = None


class Launcher(Section):
    """Of hydra/launcher=local."""

    jobs: Annotated[int | None, whole(1)]
    cells_per_gpu: Annotated[int, whole(1)]
