from pathlib import Path

import albumentations
import cv2
import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from scipy.stats import kstest

from oral_cancer.data.augmentation import BatchAugmentation, QuarterTurns, SeededAugmentation
from oral_cancer.experiments import compose_settings
from oral_cancer.models.views import views_of
from oral_cancer.settings import build

CONF = str(Path(__file__).parents[2] / "conf")


@pytest.fixture
def paper() -> albumentations.Compose:
    with initialize_config_dir(CONF, version_base="1.3"):
        return instantiate(compose("train", ["augmentation=paper"]).augmentation)


@pytest.fixture
def device() -> BatchAugmentation:
    with initialize_config_dir(CONF, version_base="1.3"):
        return instantiate(compose("train", ["augmentation=device"]).augmentation)


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


@pytest.mark.parametrize(("height", "width"), [(96, 96), (64, 100)])
@pytest.mark.parametrize("angle", [-90, -37.5, 0, 20, 90])
@pytest.mark.parametrize("flips", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_batches_are_turned_and_flipped_as_pictures_are(height: int, width: int, angle: float, flips) -> None:
    coarse = np.random.default_rng(0).integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    pictures = albumentations.Compose(
        [
            albumentations.Rotate((angle, angle), cv2.INTER_LINEAR, border_mode=cv2.BORDER_CONSTANT, fill=0, p=1),
            albumentations.HorizontalFlip(p=flips[0]),
            albumentations.VerticalFlip(p=flips[1]),
        ]
    )
    expected = pictures(image=image)["image"].astype(int)
    batches = BatchAugmentation([angle, angle], 0, *flips)
    found = batches(torch.from_numpy(image)[None], batches.draw(0, 0, 0)[None])[0].numpy().astype(int)
    assert expected.std() > 30
    assert np.abs(found - expected).mean() < 2
    assert (found[0, 0] == 0).all() == (expected[0, 0] == 0).all()


def test_what_happens_to_batches_is_spread_as_on_pictures(device: BatchAugmentation) -> None:
    draws = torch.stack([device.draw(0, 0, position) for position in range(4000)]).numpy()
    angles, flips = draws[:, 0], draws[:, 1:]
    assert kstest(angles, "uniform", (-90, 180)).pvalue > 0.01
    assert set(flips.ravel()) == {-1, 1}
    shares = [((flips == both).all(axis=1)).mean() for both in ([-1, -1], [-1, 1], [1, -1], [1, 1])]
    assert np.abs(np.array(shares) - 0.25).max() < 0.03
    assert abs(np.corrcoef(angles, flips[:, 0])[0, 1]) < 0.05


def test_a_draw_depends_on_seed_epoch_and_position_alone(device: BatchAugmentation) -> None:
    first = device.draw(1, 3, 10)
    assert torch.equal(device.draw(1, 3, 10), first)
    for other in ((2, 3, 10), (1, 4, 10), (1, 3, 11)):
        assert not torch.equal(device.draw(*other), first)


def test_gaps_are_filled_with_the_grey_level() -> None:
    white = torch.full((1, 32, 32, 3), 255, dtype=torch.uint8)
    for grey in (0, 90):
        turned = BatchAugmentation([45, 45], grey, 0, 0)(white, torch.tensor([[45.0, 1, 1]]))
        assert turned[0, 0, 0].tolist() == [grey] * 3
        assert turned[0, 16, 16].tolist() == [255] * 3


@pytest.mark.parametrize(
    ("recipe", "choice"), [("centre", "paper"), ("keras", "keras"), ("quarters", "quarters"), ("robust", "robust")]
)
def test_a_networks_recipe_names_the_augmentation(recipe: str, choice: str) -> None:
    followed = compose_settings(["augmentation=auto", f"model.recipe.augmentation={recipe}", "trainer.accelerator=cpu"])
    given = compose_settings([f"augmentation={choice}", "trainer.accelerator=cpu"])
    assert followed.augmentation["cpu" if recipe == "centre" else recipe] == given.augmentation
    built, expected = (build(settings, "augmentation") for settings in (followed, given))
    assert repr(built) == repr(expected) if choice not in ("keras", "quarters") else vars(built) == vars(expected)


def test_quarter_turns_are_the_eight_views_of_the_square_each_as_likely() -> None:
    quarters = QuarterTurns()
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 6, 6, 3), np.uint8))
    draws = torch.stack([quarters.draw(3, 1, position) for position in range(800)])
    shown = quarters(image.expand(len(draws), -1, -1, -1), draws)
    assert shown.dtype == torch.uint8
    views = [view.permute(0, 2, 3, 1) for view in views_of(image.permute(0, 3, 1, 2), quarters.views)]
    found = [sum(torch.equal(one, view[0]) for one in shown) for view in views]
    assert sum(found) == len(draws)
    assert min(found) > 60
    assert torch.equal(draws[5], quarters.draw(3, 1, 5))
    assert not torch.equal(draws, torch.stack([quarters.draw(3, 2, position) for position in range(800)]))
