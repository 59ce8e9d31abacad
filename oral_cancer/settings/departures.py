"""Where a training departs from what its network's recipe says, and from the published network."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from omegaconf import OmegaConf

from oral_cancer.config_groups import CONF
from oral_cancer.settings.augmentation import KERAS, QUARTERS, KerasAugmentation, QuarterTurns
from oral_cancer.settings.data import SHORT_BATCH
from oral_cancer.settings.refusals import shown
from oral_cancer.settings.training import Trainer

PUBLISHED = "efficientnet_b3"
"""The choice of conf/model that is the published network."""
OF_NO_ACCOUNT = ("weights", "compile", "optimizer.fused", "focal.gamma", "focal.alpha")
"""Options of a network that leave the recipe as it is; what it starts from, and its loss, are told by themselves."""
OTHERS = {"data": ("homo_hetero", ("batch_size",)), "trainer": ("auto", ("max_epochs",))}
"""By group the choice and the options in which the recipe has numbers beside the network's."""
TURNING = {KerasAugmentation.builds: KERAS, QuarterTurns.builds: QUARTERS}
"""Augmentations that turn as a recipe may say."""
STEPPING = ("accumulate_grad_batches", "gradient_clip_val")
"""Options of Lightning's trainer that change its steps, and that the recipe is without."""


def departures(settings: Mapping[str, Any]) -> list[str]:
    """A line for each option of a training that is not as its network's recipe has it, or as was published.

    What was published is the measure for the published backbone alone; another network departs by being another.

    Args:
        settings: of a training, as plain Python, resolved and checked.
    """
    model = settings["model"]
    recipe = model.get("recipe") or {}
    found = [
        f"{option}={shown(is_now)}: model.recipe has {shown(recipe[entry])}"
        for option, entry, is_now in _following(settings)
        if entry in recipe and is_now != recipe[entry]
    ]
    ranks = Trainer.model_validate(settings["trainer"]).ranks
    if ranks > 1 and settings["data"].get("end_of_pass") == SHORT_BATCH:
        found.append(f"data.end_of_pass={SHORT_BATCH}: left out, as {ranks} devices share each batch")
    published = _published()
    if model.get("backbone") == published["model.backbone"]:
        given = dict(_options({group: settings[group] for group in ("model", "augmentation", *OTHERS)}))
        found += [  # an option that is absent belongs to another class, which is told
            f"{option}={shown(given[option])}: published is {shown(value)}"
            for option, value in published.items()
            if option in given and given[option] != value
        ]
        trainer = settings["trainer"]
        found += [f"trainer.{name}={shown(trainer[name])}" for name in STEPPING if trainer.get(name)]
    return found


def _following(settings: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Options that follow the network's recipe: their names, those of the recipe's entries, and what they are."""
    yield "trainer.precision", "precision", settings["trainer"].get("precision")
    yield "data.end_of_pass", "end_of_pass", settings["data"].get("end_of_pass")
    augmentation = settings["augmentation"]
    target = str(augmentation.get("_target_"))
    otherwise = TURNING.get(target) or target.rpartition(".")[2]
    yield "augmentation.recipe", "augmentation", augmentation.get("recipe", otherwise)


@cache
def _published() -> dict[str, Any]:
    """The published recipe's options and their values."""
    model = OmegaConf.load(CONF / "model" / f"{PUBLISHED}.yaml")
    options = {
        option: value
        for option, value in _options({"model": OmegaConf.to_container(model)})
        if option.removeprefix("model.") not in OF_NO_ACCOUNT
    }
    turned: Any = OmegaConf.to_container(OmegaConf.load(CONF / "augmentation" / f"{KERAS}.yaml"))
    options |= {f"augmentation.{KERAS}.{name}": value for name, value in turned.items()}
    for group, (choice, names) in OTHERS.items():
        content: Any = OmegaConf.load(CONF / group / f"{choice}.yaml")
        options |= {f"{group}.{name}": content[name] for name in names}
    return options


def _options(content: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _options(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
