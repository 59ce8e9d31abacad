from pathlib import Path

import numpy as np
import pytest

from oral_cancer.data import feature_store
from oral_cancer.data.feature_store import FeatureStore
from oral_cancer.errors import UserError

IMAGES = list(np.random.default_rng(0).integers(0, 256, (7, 4, 4, 3), np.uint8))


class Network:
    """Notes which images it has seen."""

    def __init__(self, most: int = 100) -> None:
        self.seen: list[float] = []
        self.most = most

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        if len(self.seen) == self.most:
            raise KeyboardInterrupt
        self.seen.append(float(pixels.mean()))
        return features(pixels)


def features(pixels: np.ndarray) -> np.ndarray:
    return np.array([[pixels.mean(), pixels.std()], [pixels.min(), pixels.max()]], np.float32)


def test_each_image_is_computed_once_in_whatever_order_and_company(tmp_path: Path) -> None:
    first, second = Network(), Network()
    found = FeatureStore(tmp_path / "kept").of([IMAGES[at] for at in (2, 0, 2, 5)], first)
    np.testing.assert_array_equal(found, np.stack([features(IMAGES[at]) for at in (2, 0, 2, 5)]))
    again = FeatureStore(tmp_path / "kept").of([image.copy() for image in IMAGES], second)
    np.testing.assert_array_equal(again, np.stack(list(map(features, IMAGES))))
    assert len(first.seen) == 3
    assert second.seen == [IMAGES[at].mean() for at in (1, 3, 4, 6)]


def test_an_interruption_loses_one_part_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_store, "PART", 2)
    with pytest.raises(KeyboardInterrupt):
        FeatureStore(tmp_path).of(IMAGES, Network(most=5))
    rest = Network()
    FeatureStore(tmp_path).of(IMAGES, rest)
    assert len(rest.seen) == 3


def test_a_damaged_part_is_told_and_computed_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = FeatureStore(tmp_path).of(IMAGES, Network())
    (part,) = tmp_path.glob("*.safetensors")
    content = bytearray(part.read_bytes())
    content[-3] ^= 1
    part.write_bytes(content)
    network = Network()
    np.testing.assert_array_equal(FeatureStore(tmp_path).of(IMAGES, network), before)
    assert len(network.seen) == len(IMAGES)
    assert f"{part} is damaged" in capsys.readouterr().err


def test_where_nothing_can_be_written_one_line_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"features cannot be kept .*store="):
        FeatureStore(tmp_path / "file" / "kept").of(IMAGES, Network())
