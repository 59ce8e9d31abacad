"""Stages that stay as they start."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from timm.layers import DropPath
from torch import nn
from torch.optim.swa_utils import update_bn

from oral_cancer.errors import UserError
from oral_cancer.models import SoftLabelClassifier
from oral_cancer.training.manifest import CHECKPOINT

STAGES = 3


def build(freeze: int, backbone: str = "test_byobnet", image_size: int = 32) -> SoftLabelClassifier:
    torch.manual_seed(0)
    return SoftLabelClassifier(
        backbone, "none", 3, image_size, 1, 0.2, True, torch.optim.Adam, lambda *_: None, freeze=freeze
    )


@pytest.mark.parametrize(
    ("backbone", "frozen"),
    [
        ("test_byobnet", ("stem.", "stages.0.", "stages.1.")),
        ("test_efficientnet", ("conv_stem.", "bn1.", "blocks.0.", "blocks.1.")),
        ("test_convnext", ("stem.", "stages.0.", "stages.1.")),
    ],
)
def test_the_stem_and_the_stages_after_it_are_frozen_and_nothing_else(backbone: str, frozen: tuple[str, ...]) -> None:
    network = build(STAGES, backbone, 64).network
    names = {name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    assert names == {name for name, _ in network.named_parameters() if name.startswith(frozen)}


def test_position_embeddings_belong_to_the_stem() -> None:
    network = build(1, "test_vit", 160).network
    assert not network.pos_embed.requires_grad
    assert not any(one.requires_grad for one in network.patch_embed.parameters())
    assert all(one.requires_grad for one in network.blocks.parameters())


def test_only_what_trains_is_given_to_the_optimiser() -> None:
    model = build(STAGES)
    given = {id(parameter) for parameter in model._that_train()}
    assert given == {id(parameter) for parameter in model.parameters() if parameter.requires_grad}
    assert len(given) < len(list(model.parameters()))
    assert len(list(build(0)._that_train())) == len(list(model.parameters()))


def test_statistics_and_what_is_dropped_stay_in_steps_and_in_recalibration() -> None:
    model = build(STAGES)
    before = {name: value.clone() for name, value in model.network.named_buffers()}
    images = torch.randint(0, 256, (8, 32, 32, 3), dtype=torch.uint8)
    for _ in range(2):  # as it is built, and after an evaluation
        modes = {name: module.training for name, module in model.network.named_modules()}
        assert not modes["stem"]
        assert not any(modes[name] for name in modes if name.startswith(("stages.0", "stages.1")))
        assert modes["stages.2"]
        assert modes["head"]
        model(images)
        model.eval()
        model.train()
    update_bn([images], model)
    after = dict(model.network.named_buffers())
    frozen = ("stem.", "stages.0.", "stages.1.")
    of_stages = [name for name in before if "running" in name]
    assert of_stages
    for name in of_stages:
        assert torch.equal(after[name], before[name]) == name.startswith(frozen), name
    assert any(isinstance(module, DropPath) for module in model.network.modules())


def test_a_run_leaves_frozen_stages_as_they_started_and_trains_the_others(
    train: Callable[..., Path], tmp_path: Path
) -> None:
    start = build(0).network.state_dict()
    torch.save(start, tmp_path / "start.pth")
    run = train(f"model.weights={tmp_path / 'start.pth'}", "model.recalibrate=true", f"model.freeze={STAGES}")
    trained = torch.load(run / CHECKPOINT, weights_only=True)["state_dict"]
    for name, before in start.items():
        stays = name.startswith(("stem.", "stages.0.", "stages.1."))
        assert torch.equal(trained[f"network.{name}"], before) == stays, name


@pytest.mark.parametrize("stages", [6, 100])
def test_stages_that_there_are_not_are_refused(stages: int) -> None:
    with pytest.raises(UserError, match=f"^model.freeze={stages}: must be a whole number from 0 to 5 for this network"):
        build(stages)


def test_a_network_that_knows_no_stages_freezes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    from timm.models.byobnet import ByobNet

    monkeypatch.delattr(ByobNet, "group_matcher")
    with pytest.raises(UserError, match=r"^model.freeze=1: must be 0, as model.backbone does not say"):
        build(1)


def test_frozen_random_numbers_are_told(caplog: pytest.LogCaptureFixture) -> None:
    build(0)
    assert caplog.messages == []
    build(1)
    assert caplog.messages == ["model.freeze=1: what is frozen keeps the random numbers that it starts from."]


def test_batch_norms_that_are_frozen_load_as_any_other() -> None:
    assert build(STAGES).state_dict().keys() == build(0).state_dict().keys()
    norms = [module for module in build(STAGES).network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {norm.track_running_stats for norm in norms} == {True, False}
