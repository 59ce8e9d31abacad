"""Weights files and checkpoints of any bytes are loaded rightly or refused on one line, and no code in them runs."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save

from oral_cancer.errors import UserError
from oral_cancer.inference.members import load_network
from oral_cancer.models.weights import build_backbone
from oral_cancer.study.runs import find_runs
from oral_cancer.training.manifest import CHECKPOINT
from tests.faults.harm import QUICK, harmed

NETWORK = "test_efficientnet"


def as_pth(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


STATE = timm.create_model(NETWORK, num_classes=3).state_dict()
FILES = {".pth": as_pth(STATE), ".safetensors": save(STATE)}
NO_STATES = {
    "empty": b"",
    "text": b"weights",
    "a number": as_pth(1),
    "a list": as_pth([torch.zeros(2)]),
    "a tensor": as_pth(torch.zeros(2)),
    "numbers by name": as_pth({"conv_stem.weight": 1.0}),
    "tensors by number": as_pth({1: torch.zeros(2)}),
    "nothing by name": as_pth({}),
    "a state that is none": as_pth({"state_dict": 1}),
    "a state by number": as_pth({"state_dict": {1: torch.zeros(2)}}),
    "half a state": as_pth(dict(list(STATE.items())[:10])),
    "other shapes": as_pth({name: torch.zeros(1, 1, 1) for name in STATE}),
    "a whole module": as_pth(torch.nn.Linear(2, 2)),
}


def build(path: Path) -> torch.nn.Module:
    return build_backbone(NETWORK, str(path), classes=3, image_size=32, drop_path_rate=0.2).network


@pytest.mark.parametrize("kind", NO_STATES)
@pytest.mark.parametrize("suffix", FILES)
def test_what_is_no_state_is_refused(tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(NO_STATES[kind])
    with pytest.raises(UserError, match=r"^model\.weights.*weights\.") as refusal:
        build(path)
    assert len(refusal.value.lines) == 1


@pytest.mark.slow
@pytest.mark.parametrize("suffix", FILES)
def test_a_harmed_weights_file_gives_a_network_or_a_reason(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    seen = set()

    @QUICK
    @given(harmed(FILES[suffix]))
    def check(data: bytes) -> None:
        path.write_bytes(data)
        try:
            network = build(path)
        except UserError as refusal:
            seen.add("refused")
            assert all(path.name in line for line in refusal.lines)  # noqa: PT017
            return
        seen.add("loaded")
        assert {name: value.shape for name, value in network.state_dict().items()} == {
            name: value.shape for name, value in STATE.items()
        }

    check()
    assert "refused" in seen


def test_no_damage_to_the_checkpoint_of_a_cell_goes_unnoticed(train: Callable[..., Path], tmp_path: Path) -> None:
    checkpoint = train("trainer.max_epochs=1", folder="study/m2/fold=0") / CHECKPOINT
    (run,) = find_runs(tmp_path / "study")
    whole = checkpoint.read_bytes()
    assert load_network(run)

    @QUICK
    @given(st.data())
    def check(data: st.DataObject) -> None:
        checkpoint.write_bytes(data.draw(harmed(whole).filter(lambda content: content != whole)))
        with pytest.raises(UserError, match=r"last\.ckpt is damaged.*; restore it, or train the run again"):
            load_network(run)

    check()
