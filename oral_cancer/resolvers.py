"""What stands in `conf/` as "${...}" of ours: what a study sweeps, and whether it is one."""

from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from oral_cancer.called import command
from oral_cancer.errors import UserError
from oral_cancer.quoting import mapping_of
from oral_cancer.settings import build
from oral_cancer.settings.data import LEAVE_ONE_GROUP_OUT

FOLDS = 5  # paper


def each(items: Any) -> str:
    """`${each:[m1, m5]}` is "m1,m5": a sweep over the items, as Hydra's sweeper takes it."""
    return ",".join(map(str, [items] if isinstance(items, str | int) else items))


def folds(chosen: Any) -> int | str:
    """`${folds:null}` is 5, of the paper, and `${folds:leave_one_group_out}` the same word, for data.folds."""
    return LEAVE_ONE_GROUP_OUT if chosen == LEAVE_ONE_GROUP_OUT else FOLDS


def folds_of_data(wanted: int | str, *, _root_: DictConfig) -> int | str:
    """`${folds_of_data:5}` is 5, but for images that bring folds: as many."""
    number = wanted if wanted == LEAVE_ONE_GROUP_OUT else _number_of_folds(wanted, _root_)
    return wanted if number == 1 else number


def each_fold(chosen: Any, wanted: int | str, *, _root_: DictConfig) -> str:
    """`${each_fold:null,3}` is "0,1,2": those that were chosen, or as many as there are."""
    return each(chosen if isinstance(chosen, ListConfig) else range(_number_of_folds(wanted, _root_)))


def _number_of_folds(wanted: int | str, root: DictConfig) -> int:
    """How many folds there are of the images: as many as they bring themselves, as they have groups, or as wanted."""
    from oral_cancer.data.splits import number_of_folds  # late, as no refusal needs it

    by_itself = 1 if wanted == LEAVE_ONE_GROUP_OUT else int(wanted)
    try:
        source = build(root, "source")
        return number_of_folds(source.collect(), wanted) or 1 if getattr(source, "brings_folds", True) else by_itself
    except UserError:
        return by_itself  # for whose plan the same is said in a line of its own


def mode(launcher: str) -> str | None:
    """`${mode:hydra_plugins...SlurmLauncher}` is MULTIRUN; with Hydra's own launcher -m decides."""
    return None if launcher.endswith(".BasicLauncher") else "MULTIRUN"


for resolver in (each, folds, folds_of_data, each_fold, mode):
    OmegaConf.register_new_resolver(resolver.__name__, resolver, replace=True)
OmegaConf.register_new_resolver("called", command, replace=True)  # "${called:train}" is "python train.py" in a clone
OmegaConf.register_new_resolver("mapping", mapping_of, replace=True)
