from functools import cache
from itertools import product

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_class, get_method
from omegaconf import DictConfig, OmegaConf

from oral_cancer.config_groups import SWEEPS
from oral_cancer.experiments import compose_settings, declared
from tests.conftest import REPOSITORY

CONF = REPOSITORY / "conf"
GROUPS = (
    "data",
    "source",
    "resampling",
    "model",
    "augmentation",
    "trainer",
    "logger",
    "callbacks",
    "experiment",
    "study",
    "hparams_search",
)
CHOICES = [(group, path.stem) for group in GROUPS for path in sorted((CONF / group).glob("*.yaml"))]


@cache
def composed(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", list(overrides), return_hydra_config=True)


def targets(node: object) -> list[str]:
    """Every `_target_` in plain containers."""
    if isinstance(node, dict):
        own = [node["_target_"]] if "_target_" in node else []
        return own + [target for child in node.values() for target in targets(child)]
    return [target for item in node for target in targets(item)] if isinstance(node, list) else []


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_choice_composes_and_its_targets_exist(group: str, choice: str) -> None:
    cfg = composed(f"{group}={choice}")
    plain = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(plain, dict)
    for target in targets({key: value for key, value in plain.items() if key != "hydra"}):
        name = target.rpartition(".")[2]
        assert callable(get_class(target) if name[0].isupper() else get_method(target))


@pytest.mark.parametrize(
    ("experiment", "train_sets", "resampling"),
    [
        ("m1", ["homo"], "none"),
        ("m2", ["homo", "hetero"], "none"),
        ("m3", ["homo", "hetero"], "borderline_smote"),
        ("m3_published", ["homo", "hetero"], "borderline_smote"),
        ("m4", ["homo", "hetero"], "ros"),
        ("m5", ["homo", "hetero"], "enn_ros"),
    ],
)
def test_the_five_models(experiment: str, train_sets: list[str], resampling: str) -> None:
    cfg = composed(f"experiment={experiment}")
    assert cfg.name == experiment
    assert cfg.data.train_sets == train_sets
    assert cfg.hydra.runtime.choices.resampling == resampling
    assert (cfg.model.image_size, cfg.data.batch_size, cfg.trainer.max_epochs) == (300, 16, 10)


@pytest.mark.parametrize(
    ("experiment", "model"), list(product(("m1", "m5"), ("efficientnet_lite0", "efficientnet_b3")))
)
def test_the_command_lines_choice_wins_over_the_experiments(experiment: str, model: str) -> None:
    cfg = composed(f"experiment={experiment}", f"model={model}", "resampling=ros")
    assert cfg.hydra.runtime.choices.model == model
    assert cfg.hydra.runtime.choices.resampling == "ros"


def test_other_networks_inherit_from_the_better_one_and_not_from_the_published() -> None:
    better = composed("model=efficientnet_b3_better").model
    assert (better.antialias, better.normalize, better.recalibrate) == (True, "imagenet", True)
    for name in ("efficientnet_lite0", "convnext_tiny"):
        model = composed(f"model={name}").model
        assert model.keys() == better.keys()
        assert model.optimizer == better.optimizer
        assert (model.recipe.precision, model.recipe.end_of_pass) == ("auto", "runs_on")


def test_every_primary_config_names_only_groups_that_exist() -> None:
    assert {path.name for path in CONF.iterdir() if path.is_dir()} == {*GROUPS, SWEEPS, "hydra"}


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ((), "m2"),
        (("resampling=enn_ros",), "m5"),
        (("experiment=m5", "resampling=ros"), "m4"),
        (("data=homo", "resampling=ros"), "homo-ros"),
        (("experiment=m5", "name=own"), "own"),
        (("data.train_sets=[homo]",), "m1"),
        (("data.train_sets=[hetero]",), "hetero-none"),
        (("experiment=m5", "fold=3", "seed=4", "trainer.max_epochs=2"), "m5"),
        (("experiment=m5", "model=convnext_tiny"), "m5-convnext_tiny"),
        (("model.backbone=resnet18",), "m2-resnet18"),
        (("resampling=ros", "resampling.multiples.3_1=0"), "homo_hetero-ros,resampling.multiples.3_1=0"),
        (("resampling=ros", "resampling.multiples.3_1=2"), "m4"),
        (("resampling=borderline_smote", "resampling.eight_bits=true"), "m3_published"),
        (("model.loss=focal", "model.focal.gamma=4"), "focal"),
        (("experiment=focal", "model.loss=mse"), "m2"),
        (("experiment=focal", "model=efficientnet_lite0"), "focal-efficientnet_lite0"),
        (("experiment=focal", "resampling=enn_ros"), "m5"),
        (("augmentation=randaugment",), "randaugment"),
        (("augmentation=robust", "model.ema=0.9", "model.label_smoothing=0.3"), "m2"),
        (("resampling=cutmix",), "cutmix"),
        (("augmentation=puzzle", "augmentation.square=50"), "puzzle"),
        (("model.preprocess=clahe",), "clahe"),
        (("experiment=m5", "model.preprocess=clahe"), "m5"),
        (("experiment=clahe", "model.preprocess=none"), "m2"),
        (("augmentation=robust",), "m2"),
        (("experiment=puzzle", "augmentation=robust"), "m2"),
    ],
)
def test_a_name_follows_what_is_trained(overrides: tuple[str, ...], name: str) -> None:
    assert compose_settings(overrides).name == name


@pytest.mark.slow
def test_the_declared_experiments_are_those_of_the_group() -> None:
    choices = [path.stem for path in sorted((CONF / "experiment").glob("*.yaml"))]
    assert declared() == choices
    assert [compose_settings([f"experiment={choice}"]).name for choice in choices] == choices
