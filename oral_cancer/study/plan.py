"""What a study is to train, frozen at its first start, so that figures of different makings never mix."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from typing import Any

import yaml
from hydra import compose
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from oral_cancer.errors import UserError, refuse
from oral_cancer.files import sealed, unsealed, write_text
from oral_cancer.labels import CLASSES
from oral_cancer.training.settings import WITHOUT_INFLUENCE, build, check, resolved, settings_hash

FILE = "study.yaml"
LATER = "data.reading"  # not in plans of before, whose fingerprint says that files were read as they always were


@dataclass(frozen=True)
class Plan:
    """A study's cells and all that their figures depend on.

    Attributes:
        cells: `model`, `fold` and `config_hash` of each.
        data: source, fingerprint, number of images and how they were read, the same for all cells.
        weights: by model, what its network starts from.
        settings: by model, the resolved settings but for the fold.
    """

    cells: list[dict[str, Any]]
    data: dict[str, Any]
    weights: dict[str, str]
    settings: dict[str, dict[str, Any]]


def leave_constants_unnamed(config: DictConfig) -> None:
    """Keep what a sweep does not vary out of its models' names, in every job that Hydra will compose.

    Args:
        config: the multirun's settings with Hydra's own, which are changed.
    """
    overrides = OverridesParser.create().parse_overrides(list(config.hydra.overrides.task))
    constant = [override.key_or_group for override in overrides if not override.is_sweep_override()]
    with read_write(config):
        excluded = [*config.hydra.job.config.override_dirname.exclude_keys, *constant]
        config.hydra.overrides.hydra.append(f"hydra.job.config.override_dirname.exclude_keys={excluded}")


def plan_sweep(config: DictConfig) -> Plan | None:
    """The plan of a Hydra multirun; None for a search, whose cells nobody knows beforehand.

    Builds the image store, so that no cell has to.

    Args:
        config: the multirun's settings with Hydra's own.

    Raises:
        UserError: for settings that cannot be trained with, data that cannot be read, and a mixture of data or of
            ImageNet and random starts.
    """
    sweeper: Any = get_class(config.hydra.sweeper._target_)
    if not hasattr(sweeper, "split_arguments"):
        return None
    params = [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]
    overrides = OverridesParser.create().parse_overrides([*params, *config.hydra.overrides.task])
    (jobs,) = sweeper.split_arguments(overrides, None)

    cells: list[dict[str, Any]] = []
    by_model: dict[str, tuple[DictConfig, dict[str, Any]]] = {}
    all_settings: list[DictConfig] = []
    for job in jobs:
        with composed(config.hydra.job.config_name, [*config.hydra.overrides.hydra, *job]) as cfg:
            check(cfg)
            model = str(PurePath(HydraConfig.get().sweep.subdir).parent)
            cells.append({"model": model, "fold": cfg.fold, "config_hash": settings_hash(cfg)})
            all_settings.append(cfg)
            by_model.setdefault(model, (cfg, resolved(_without_fold(cfg))))
    _refuse_repeats(cells)
    _insist_on_options([cfg for cfg, _ in by_model.values()])
    weights = _starts({model: cfg for model, (cfg, _) in by_model.items()})
    return Plan(
        cells=cells,
        data=_common_data(all_settings),
        weights=weights,
        settings={model: content for model, (_, content) in by_model.items()},
    )


@contextmanager
def composed(config_name: str, overrides: Sequence[str]) -> Iterator[DictConfig]:
    """The settings of one job, with Hydra's own in `HydraConfig` as when the job runs."""
    cfg = compose(config_name, list(overrides), return_hydra_config=True)
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(cfg.copy())
    with open_dict(cfg):
        del cfg["hydra"]
    try:
        yield cfg
    finally:
        HydraConfig.instance().cfg = before


def _without_fold(cfg: DictConfig) -> DictConfig:
    content = cfg.copy()
    for option in ("fold", *WITHOUT_INFLUENCE):
        OmegaConf.update(content, option, None, force_add=True)
    return content


def _refuse_repeats(cells: Sequence[dict[str, Any]]) -> None:
    seen: set[tuple[str, Any]] = set()
    for cell in cells:
        key = cell["model"], cell["fold"]
        if key in seen:
            raise UserError(f"study: {key[0]}, fold {key[1]} is planned twice; name each model and fold once")
        seen.add(key)


def _insist_on_options(cfgs: Sequence[DictConfig]) -> None:
    from oral_cancer.training.train import insist_on_known_options  # late, as no refusal of a wrong option needs it

    for cfg in cfgs:
        insist_on_known_options(cfg)
        build(cfg, "augmentation")


def _common_data(cfgs: Sequence[DictConfig]) -> dict[str, Any]:
    """Facts about the data, of which there is one kind in a study, and no image in two roles of a cell."""
    from oral_cancer.data.leaks import same_images
    from oral_cancer.training.train import data_facts, open_images, roles

    by_store: dict[tuple[str, int], list[DictConfig]] = defaultdict(list)
    for cfg in cfgs:
        by_store[str(cfg.source), cfg.model.image_size * cfg.model.supersampling].append(cfg)
    facts = []
    for alike in by_store.values():
        store = open_images(alike[0])
        facts.append(data_facts(store))
        refuse(same_images(store, [roles(cfg, store) for cfg in alike]))
    sources = dict.fromkeys(str(fact["source"]) for fact in facts)
    if any(fact != facts[0] for fact in facts):
        raise UserError(f"study: the cells differ in their images ({', '.join(sources)}); give each source a study")
    return facts[0]


def _starts(cfgs: dict[str, DictConfig]) -> dict[str, str]:
    from oral_cancer.models.weights import build_backbone

    built = {
        model: build_backbone(
            cfg.model.backbone, cfg.model.weights, len(CLASSES), cfg.model.image_size, cfg.model.drop_path_rate
        )
        for model, cfg in cfgs.items()
    }
    if len({start.kind for start in built.values()} & {"imagenet", "random"}) > 1:
        starts = ", ".join(f"{model} {start.kind}" for model, start in built.items())
        raise UserError(f"study: ImageNet and random starts would mix ({starts}); set model.weights for all alike")
    return {model: start.origin for model, start in built.items()}


def read_plan(folder: Path) -> Plan | None:
    """The plan frozen in a study's folder, or None where there is none.

    Raises:
        UserError: for a file that is no plan.
    """
    path = folder / FILE
    try:
        return Plan(**unsealed(yaml.safe_load(path.read_text(encoding="utf-8"))))
    except FileNotFoundError:
        return None
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is damaged ({' '.join(str(error).split())}); delete it and start the study again: finished "
            "cells stay"
        ) from error


def freeze(folder: Path, plan: Plan) -> None:
    """Write the plan at a study's first start; at a later one insist that it is the same.

    Raises:
        UserError: a line for every difference from the frozen plan.
    """
    frozen = read_plan(folder)
    if frozen is None:
        write_text(folder / FILE, yaml.safe_dump(sealed(asdict(plan)), sort_keys=False))
        return
    before, now = (
        {key: value for key, value in _flat(asdict(each)) if not key.endswith("config_hash")} for each in (frozen, plan)
    )
    differences = [
        f"{folder / FILE}: {key} was {before.get(key)}, now {now.get(key)}"
        for key in dict.fromkeys((*before, *now))
        if before.get(key) != now.get(key) and (key in before or not key.startswith(LATER))
    ]
    if differences:
        refuse([*differences, f"{folder}: a study does not change; choose another study.name, or the former settings"])


def _flat(content: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(content, dict) and "fold" in content and "model" in content and "config_hash" in content:
        yield f"cell {content['model']} fold {content['fold']}", "planned"
    elif isinstance(content, dict):
        for key, value in content.items():
            yield from _flat(value, f"{name}.{key}" if name else str(key))
    elif isinstance(content, list) and content and isinstance(content[0], dict):
        for item in content:
            yield from _flat(item, name)
    else:
        yield name, content
