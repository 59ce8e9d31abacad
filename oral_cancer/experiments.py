"""Which experiments are declared, and what a training with some settings is called.

An experiment is a choice of data, treatment and network. conf/experiment declares some by name; settings equal to a
declared one's take its name however they were given, and any others get a name made of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict

from oral_cancer import resolvers as resolvers  # what conf/ asks for
from oral_cancer.config_groups import CONF
from oral_cancer.errors import refuse
from oral_cancer.quoting import as_typed
from oral_cancer.settings import faults_of, resolved
from oral_cancer.settings.training import Training

CONFIG = "train"
TREATING = ("resampling.", "data.class_weights", "data.stream")  # options that are part of a name
NAMED_ALREADY = (
    *("experiment", "data", "resampling", "model", "fold", "seed", "split_seed", "name"),
    *("data.train_sets", "model.backbone"),
)
"""Options and groups that make a name, or are no part of it."""


@dataclass(frozen=True)
class Composed:
    """What Hydra has made of overrides.

    Attributes:
        settings: without Hydra's own.
        choices: the choice of each group.
        overrides: what was given.
    """

    settings: DictConfig
    choices: Mapping[str, str | None]
    overrides: tuple[str, ...]

    @classmethod
    def of(cls, settings: DictConfig, hydra: Any) -> "Composed":
        """Of settings and Hydra's own beside them."""
        return cls(settings, dict(hydra.runtime.choices), tuple(given_overrides(hydra, "task")))

    def named(self, name: str) -> DictConfig:
        """The settings with their experiment's name.

        Raises:
            UserError: for one that no folder or table can have, such as one made of an option that is a path.
        """
        refuse([line for line in faults_of(Training, {"name": name}) if line.startswith("name=")])
        settings = self.settings.copy()
        settings.name = name
        return settings

    def given(self, option: str) -> str | None:
        """The value that was given for an option, as it was typed; the last one counts."""
        typed = [word.partition("=")[2] for word in self.overrides if word.lstrip("+").partition("=")[0] == option]
        return typed[-1] if typed else None


def compose_settings(overrides: Sequence[str]) -> DictConfig:
    """The settings of one training, as `python train.py` composes them, with its experiment's name.

    Args:
        overrides: e.g. ["experiment=m5", "fold=0"].

    Returns:
        Not yet checked; see `settings.check`.
    """
    composed = composed_of(overrides)
    return composed.named(name_of(composed))


def name_of(composed: Composed, with_network: bool = True, varied: Sequence[str] = ()) -> str:
    """What an experiment is called.

    Args:
        composed: its settings.
        with_network: whether the network is part of the name where it is not that of the declaration; in a study in
            which all have the same, but for those that declare one, it need not be.
        varied: options that tell it apart from others of a study, such as "model.scheduler.factor".

    Returns:
        The name that the user gave, or that of the declared experiment with these settings, or one made of them:
        image sets, treatment, network, and what was changed of the treatment.
    """
    if composed.given("name") is not None:
        return str(composed.settings.name)
    chosen = composed.choices.get("experiment")
    if composed.settings.name is not None and not chosen:  # a run's own record, which says it
        return str(composed.settings.name)
    mine = _identity(composed)
    others = [option for option in varied if option not in NAMED_ALREADY]
    changed = [f"{option}={value}" for option in others if (value := composed.given(option)) is not None]

    def network(usual: str) -> list[str]:
        return [mine.network] if with_network and mine.network != usual else []

    for name, identity in _known(composed, chosen):
        if identity.treated == mine.treated:
            return ",".join(["-".join([name, *network(identity.network)]), *changed])
    own = [as_typed(word) for word in composed.overrides if word.lstrip("+").startswith(TREATING)]
    parts = ["_".join(mine.train_sets) or "nothing", str(composed.choices["resampling"]), *network(_default().network)]
    return ",".join(dict.fromkeys(["-".join(parts), *own, *changed]))


@dataclass(frozen=True)
class Identity:
    """What tells experiments apart."""

    train_sets: tuple[str, ...]
    resampling: str
    weighting: str
    network: str

    @property
    def treated(self) -> tuple[Any, ...]:
        """All but the network."""
        return self.train_sets, self.resampling, self.weighting


def network_of(composed: Composed) -> str:
    """What the network of some settings is called: a choice of conf/model, or the backbone that was given instead."""
    changed = composed.given("model.backbone") is not None
    return str(composed.settings.model.backbone if changed else composed.choices["model"])


def declared() -> list[str]:
    """The choices of conf/experiment."""
    return [path.stem for path in sorted((CONF / "experiment").glob("*.yaml"))]


def declares_network(experiment: str | None) -> bool:
    """Whether a choice of conf/experiment says which network it has."""
    return experiment in declared() and "model" in _demanded(experiment)[0]


def _known(composed: Composed, chosen: str | None) -> Iterator[tuple[str, Identity]]:
    """Experiments by name whose demands some settings meet; each is composed as it is asked for.

    The chosen one comes first, which may be the user's own, then those that demand the most.
    """
    demands = {choice: _demanded(choice) for choice in declared()}
    if chosen and chosen not in demands:
        yield _declaration(chosen)
    model = resolved(composed.settings)["model"]
    for choice in sorted(demands, key=lambda choice: (choice != chosen, -sum(map(len, demands[choice])))):
        choices, options = demands[choice]
        if choices.items() <= composed.choices.items() and OmegaConf.merge(model, options) == model:
            yield _declared(choice)


@cache
def _demanded(choice: str) -> tuple[dict[str, str], dict[str, Any]]:
    """What a choice of conf/experiment demands beside data and treatment: choices of groups, options of the network."""
    content: Any = OmegaConf.to_container(OmegaConf.load(CONF / "experiment" / f"{choice}.yaml"))
    entries = [entry for entry in content["defaults"] if isinstance(entry, dict)]
    groups = {key.removeprefix("override /"): choice for entry in entries for key, choice in entry.items()}
    return {group: groups[group] for group in groups.keys() - {"data", "resampling"}}, content.get("model", {})


@cache
def _declared(choice: str) -> tuple[str, Identity]:
    """What a choice of conf/experiment declares, which stays as it is."""
    return _declaration(choice)


def _declaration(choice: str) -> tuple[str, Identity]:
    """Name and identity of a choice of the group `experiment`; the name is the choice's where it declares none."""
    composed = composed_of([f"experiment={choice}"])
    return str(composed.settings.name or choice), _identity(composed)


@cache
def _default() -> Identity:
    return _identity(composed_of([]))


def _identity(composed: Composed) -> Identity:
    settings = resolved(composed.settings)
    weighting = str([settings["data"].get("class_weights"), settings["data"].get("stream")])
    return Identity(
        tuple(settings["data"]["train_sets"]),
        str(sorted(settings["resampling"].items())),
        weighting,
        network_of(composed),
    )


def given_overrides(hydra: Any, kind: Literal["task", "hydra"]) -> list[str]:
    """The overrides of a training or of Hydra itself as they were given, with whatever is escaped in them."""
    given = OmegaConf.to_container(hydra.overrides[kind], resolve=False)
    assert isinstance(given, list)
    return [str(word) for word in given]


def composed_of(overrides: Sequence[str], config: str = CONFIG) -> Composed:
    """What Hydra makes of overrides, within its application or without one."""
    return in_parts(whole_of(overrides, config))


def whole_of(overrides: Sequence[str], config: str = CONFIG) -> DictConfig:
    """The same, with Hydra's own settings beside those of the training."""
    with nullcontext() if GlobalHydra.instance().is_initialized() else _hydra_of_our_own():
        return compose(config, list(overrides), return_hydra_config=True)


def in_parts(whole: DictConfig) -> Composed:
    """What Hydra has made of overrides, told apart from its own settings."""
    settings = whole.copy()
    with open_dict(settings):
        del settings["hydra"]
    return Composed.of(settings, whole.hydra)


def _hydra_of_our_own() -> AbstractContextManager[None]:
    context: AbstractContextManager[None] = initialize_config_dir(str(CONF), version_base="1.3")
    return context


def sweep_options(overrides: Sequence[str]) -> list[str]:
    """The options that a sweep varies, among its overrides."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    return [str(one.key_or_group) for one in parsed if one.is_sweep_override()]
