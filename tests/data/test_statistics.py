from pathlib import Path

import numpy as np

from oral_cancer.data.statistics import NAMES, PERCENTILES, image_statistics, statistics_of
from oral_cancer.data.store import open_store
from tests.published import folder_source


def numbers(image: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, statistics_of(image.astype(np.uint8)).tolist(), strict=True))


def test_about_twenty_numbers_of_brightness_colour_and_contrast() -> None:
    assert len(NAMES) == 20
    image = np.random.default_rng(0).integers(0, 200, (60, 80, 3))
    here, brighter = numbers(image), numbers(image + 50)
    moving = {"red_mean", "green_mean", "blue_mean", "border_mean", *(f"grey_{p}" for p in PERCENTILES)}
    for name in NAMES:
        assert np.isclose(brighter[name] - here[name], 50 if name in moving else 0, atol=1e-9)


def test_shapes_are_not_seen() -> None:
    """Pixels within the border may change places."""
    rng = np.random.default_rng(1)
    image = rng.integers(0, 255, (80, 80, 3))
    shuffled = image.copy()
    inner = image[16:64:2, 16:64:2].reshape(-1, 3)
    shuffled[16:64:2, 16:64:2] = rng.permutation(inner).reshape(24, 24, 3)
    np.testing.assert_allclose(statistics_of(image.astype(np.uint8)), statistics_of(shuffled.astype(np.uint8)))


def test_a_flat_image_has_numbers_too() -> None:
    found = numbers(np.full((40, 40, 3), 7))
    assert np.isfinite(list(found.values())).all()
    assert (found["grey_50"], found["red_sd"], found["border_difference"]) == (7, 0, 0)


def test_every_image_of_a_store_has_a_row(images_root: Path, tmp_path: Path) -> None:
    store = open_store(folder_source(images_root).collect(), 32, tmp_path)
    frame = image_statistics(store)
    assert list(frame.columns) == ["file", "true_parental", "true_resistant", "true_control", *NAMES]
    assert frame["file"].tolist() == [file.path for file in store.collection.files]
    np.testing.assert_allclose(frame.filter(like="true_").sum(axis=1), 1)
    red = frame[frame["true_parental"] == 1]["blue_mean"].mean()  # OpenCV writes blue first
    assert red > frame[frame["true_control"] == 1]["blue_mean"].mean() + 50
