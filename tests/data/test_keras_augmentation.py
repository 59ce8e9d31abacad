"""Augmentation of keras-preprocessing 1.1.2 beside its own lines, with SciPy's interpolation."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

from oral_cancer.data.keras_augmentation import KerasAugmentation


def by_keras(image: NDArray[np.uint8], theta: float, horizontally: bool, vertically: bool) -> NDArray[np.float32]:
    """keras_preprocessing 1.1.2, `ImageDataGenerator.apply_transform` with order 1, constant 0."""
    x = image.astype(np.float32)
    t = np.deg2rad(theta)
    matrix = np.array([[np.cos(t), -np.sin(t), 0], [np.sin(t), np.cos(t), 0], [0, 0, 1]])
    o_x, o_y = float(x.shape[0]) / 2 + 0.5, float(x.shape[1]) / 2 + 0.5
    offset, reset = np.eye(3), np.eye(3)
    offset[:2, 2], reset[:2, 2] = (o_x, o_y), (-o_x, -o_y)
    matrix = offset @ matrix @ reset
    channels = np.rollaxis(x, 2, 0)
    turned = np.stack(
        [affine_transform(c, matrix[:2, :2], matrix[:2, 2], order=1, mode="constant", cval=0.0) for c in channels],
        axis=-1,
    )
    turned = turned[:, ::-1] if horizontally else turned
    return turned[::-1] if vertically else turned


@pytest.mark.parametrize("size", [(60, 60), (48, 65)])
@pytest.mark.parametrize("theta", [-89.3, -41.7, 0, 12.25, 73.1])
@pytest.mark.parametrize("flips", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_pictures_are_keras(size: tuple[int, int], theta: float, flips: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    augmentation = KerasAugmentation([theta, theta], 0, *flips)
    draws = augmentation.draw(0, 0, 0)
    found = augmentation(torch.from_numpy(image)[None], draws[None])[0]
    assert found.dtype == torch.float32
    expected = by_keras(image, float(draws[0]), *map(bool, flips))
    np.testing.assert_allclose(found.numpy(), expected, atol=0.02)


def test_pictures_of_a_batch_are_turned_each_for_itself() -> None:
    images = torch.randint(0, 256, (5, 40, 40, 3), dtype=torch.uint8)
    augmentation = KerasAugmentation([-90, 90], 0, 0.5, 0.5)
    draws = torch.stack([augmentation.draw(0, 0, position) for position in range(5)])
    together = augmentation(images, draws)
    for number in range(5):
        alone = augmentation(images[number : number + 1], draws[number : number + 1])[0]
        torch.testing.assert_close(together[number], alone)


def test_it_turns_about_a_point_beside_the_middle_and_does_not_round() -> None:
    """At 300 px about (150.5, 150.5), which a half turn maps (151, 151) to (150, 150) about."""
    image = torch.zeros((1, 300, 300, 3), dtype=torch.uint8)
    image[0, 150, 150] = 200
    turned = KerasAugmentation([180, 180], 0, 0, 0)(image, torch.tensor([[180.0, 1, 1]]))
    assert turned[0, 151, 151].tolist() == pytest.approx([200] * 3, abs=0.01)
    shifted = KerasAugmentation([1, 1], 0, 0, 0)(image, torch.tensor([[1.0, 1, 1]]))
    assert (shifted != shifted.round()).any()
    white = torch.full((1, 300, 300, 3), 255, dtype=torch.uint8)
    corner = KerasAugmentation([45, 45], 0, 0, 0)(white, torch.tensor([[45.0, 1, 1]]))
    assert corner[0, 0, 0].tolist() == [0] * 3
    assert corner[0, 150, 150].tolist() == [255] * 3
