"""What a training does otherwise than its network's recipe, and than was published."""

import pytest

from oral_cancer.experiments import compose_settings
from oral_cancer.settings import resolved
from oral_cancer.settings.departures import departures


def departing(*overrides: str) -> list[str]:
    return departures(resolved(compose_settings(overrides)))


@pytest.mark.parametrize("experiment", ["m1", "m3", "m5"])
def test_the_published_models_depart_from_nothing(experiment: str) -> None:
    assert departing(f"experiment={experiment}") == []


def test_another_network_has_a_recipe_of_its_own() -> None:
    assert departing("model=efficientnet_lite0") == []
    assert departing("model=efficientnet_lite0", "trainer.precision=32-true", "data.batch_size=8") == [
        "trainer.precision=32-true: model.recipe has auto"
    ]


def test_a_probe_learns_of_quarter_turns() -> None:
    assert departing("model=linear_probe") == departing("model=linear_probe", "augmentation=quarters") == []
    assert departing("model=linear_probe", "augmentation=none") == [
        "augmentation.recipe=Compose: model.recipe has quarters"
    ]


def test_the_better_network_lists_what_is_better() -> None:
    options = [line.partition("=")[0] for line in departing("model=efficientnet_b3_better")]
    assert set(options) == {
        "model.antialias",
        "model.normalize",
        "model.batch_norm_momentum",
        "model.drop_path_rate",
        "model.recalibrate",
        "model.optimizer._target_",
        "model.scheduler._target_",
        *(f"model.recipe.{entry}" for entry in ("precision", "end_of_pass", "augmentation")),
    }


@pytest.mark.parametrize(
    ("overrides", "lines"),
    [
        (["trainer.precision=bf16-mixed"], ["trainer.precision=bf16-mixed: model.recipe has 32-true"]),
        (["data.end_of_pass=runs_on"], ["data.end_of_pass=runs_on: model.recipe has short_batch"]),
        (["augmentation=paper"], ["augmentation.recipe=Compose: model.recipe has keras"]),
        (["augmentation=robust"], ["augmentation.recipe=robust: model.recipe has keras"]),
        (["augmentation=keras"], []),
        (["augmentation.recipe=centre"], ["augmentation.recipe=centre: model.recipe has keras"]),
        (["augmentation.keras.fill=9"], ["augmentation.keras.fill=9: published is 0"]),
        (["model.recipe.augmentation=centre"], ["model.recipe.augmentation=centre: published is keras"]),
        (["model.antialias=true"], ["model.antialias=true: published is false"]),
        (["experiment=clahe"], ["model.preprocess=clahe: published is none"]),
        (["experiment=puzzle"], ["augmentation.recipe=puzzle: model.recipe has keras"]),
        (["model.ema=0.9"], ["model.ema=0.9: published is null"]),
        (["model.views=8"], ["model.views=8: published is 1"]),
        (["model.loss=focal", "model.focal.gamma=4"], ["model.loss=focal: published is mse"]),
        (
            [
                *("experiment=adamw", "augmentation=randaugment", "model.output=sigmoid"),
                *("model.label_smoothing=0.1", "model.mixup=0.2", "model.freeze=3", "model.focal.gamma=4"),
            ],
            [
                "augmentation.recipe=rand_augment: model.recipe has keras",
                "model.output=sigmoid: published is softmax",
                "model.label_smoothing=0.1: published is 0.0",
                "model.mixup=0.2: published is null",
                "model.freeze=3: published is 0",
                "model.optimizer._target_=oral_cancer.models.optimizers.adamw: published is "
                "oral_cancer.models.keras_adam.KerasAdam",
            ],
        ),
        (["data.batch_size=8"], ["data.batch_size=8: published is 16"]),
        (["trainer.max_epochs=3"], ["trainer.max_epochs=3: published is 10"]),
        (["+trainer.accumulate_grad_batches=2"], ["trainer.accumulate_grad_batches=2"]),
        (["trainer=ddp"], ["data.end_of_pass=short_batch: left out, as 2 devices share each batch"]),
        (
            ["model.optimizer._target_=torch.optim.Adam"],
            ["model.optimizer._target_=torch.optim.Adam: published is oral_cancer.models.keras_adam.KerasAdam"],
        ),
        (["model.weights=none", "model.compile=true", "model.optimizer.fused=false", "seed=3", "fold=all"], []),
    ],
)
def test_an_override_is_a_departure(overrides: list[str], lines: list[str]) -> None:
    assert departing(*overrides) == lines
