from pathlib import Path

import albumentations
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from oral_cancer.data.augmentation import SeededAugmentation

CONF = str(Path(__file__).parents[2] / "conf")


@pytest.fixture
def paper() -> albumentations.Compose:
    with initialize_config_dir(CONF, version_base="1.3"):
        return instantiate(compose("train").augmentation)


def test_a_picture_depends_on_seed_epoch_and_position_alone(paper: albumentations.Compose) -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    augmentation = SeededAugmentation(paper, seed=1)
    first = augmentation(image, 3, 10)
    for epoch, position in ((0, 0), (3, 11), (4, 10)):
        assert not np.array_equal(augmentation(image, epoch, position), first)
    assert np.array_equal(augmentation(image, 3, 10), first)
    assert not np.array_equal(SeededAugmentation(paper, seed=2)(image, 3, 10), first)


def test_flips_are_independent_halves() -> None:
    """Four corners of different grey tell which of the two flips has happened."""
    flips = albumentations.Compose([albumentations.HorizontalFlip(p=0.5), albumentations.VerticalFlip(p=0.5)])
    augmentation = SeededAugmentation(flips, seed=0)
    image = np.repeat(np.array([[0, 1], [2, 3]], np.uint8)[..., None], 3, axis=2)
    corners = [augmentation(image, 0, position)[0, 0, 0] for position in range(2000)]
    shares = np.bincount(corners, minlength=4) / 2000
    assert np.abs(shares - 0.25).max() < 0.05


def test_rotations_spread_over_a_quarter_turn_either_way_and_gaps_are_black(paper: albumentations.Compose) -> None:
    rotation = SeededAugmentation(albumentations.Compose(paper.transforms[:1]), seed=0)
    image = np.zeros((65, 65, 3), np.uint8)
    image[30:35, 32:] = 255  # a hand that points right
    angles = []
    for position in range(400):
        rows, columns = np.nonzero(rotation(image, 0, position)[..., 0] > 128)
        angles.append(np.degrees(np.arctan2(32 - rows.mean(), columns.mean() - 32)))
    assert min(angles) < -85
    assert max(angles) > 85
    assert abs(np.mean(angles)) < 8
    assert abs(np.std(angles) - 180 / np.sqrt(12)) < 5

    white = SeededAugmentation(paper, seed=0)(np.full((64, 64, 3), 255, np.uint8), 0, 5)
    assert white[32, 32].tolist() == [255, 255, 255]
    assert min(white[0, 0, 0], white[0, -1, 0], white[-1, 0, 0], white[-1, -1, 0]) == 0
