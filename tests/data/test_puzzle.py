"""Puzzles: squares of an image in another order, drawn by seed, epoch and position, on the processor and in batches."""

from typing import Any

import albumentations
import numpy as np
import pytest
import torch

from oral_cancer.data.augmentation import BatchAugmentation, SeededAugmentation
from oral_cancer.data.keras_augmentation import KerasAugmentation
from oral_cancer.data.puzzle import PuzzleBatches, puzzle, shuffled
from oral_cancer.errors import UserError
from oral_cancer.experiments import composed_of
from oral_cancer.settings import build, check

AS_THEY_ARE = BatchAugmentation([0, 0], 0, 0, 0)
IMAGE = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)


def squares_of(image: np.ndarray, side: int) -> list[bytes]:
    """The squares of an image row by row."""
    places = range(0, len(image), side)
    return [image[top : top + side, left : left + side].tobytes() for top in places for left in places]


def test_each_place_gets_the_square_that_the_order_says() -> None:
    images = np.stack([IMAGE, IMAGE[::-1]])
    order = np.stack([np.random.default_rng(row).permutation(9) for row in range(2)])
    found = shuffled(torch.from_numpy(images), torch.from_numpy(order)).numpy()
    for image, before, places in zip(found, images, order, strict=True):
        squares = squares_of(before, 20)
        assert squares_of(image, 20) == [squares[place] for place in places]


def test_batches_are_shuffled_as_drawn_and_then_augmented() -> None:
    batches = puzzle(60, 1, 30, AS_THEY_ARE)
    assert isinstance(batches, PuzzleBatches)
    draws = torch.stack([batches.draw(0, 0, position) for position in range(3)])
    images = torch.from_numpy(np.stack([IMAGE] * 3))
    np.testing.assert_array_equal(batches(images, draws), shuffled(images, draws[:, :4].long()))
    flipped = puzzle(60, 1, 30, BatchAugmentation([0, 0], 0, 1, 0))
    np.testing.assert_array_equal(
        flipped(images, torch.stack([flipped.draw(0, 0, p) for p in range(3)])), batches(images, draws).flip(2)
    )


def test_pictures_keep_their_squares_in_another_order() -> None:
    pictures = puzzle(30, 2, 20, albumentations.Compose([]))
    augmentation = SeededAugmentation(pictures, seed=1)
    found = [squares_of(augmentation(IMAGE, 0, position), 20) for position in range(50)]
    assert all(sorted(squares) == sorted(squares_of(IMAGE, 20)) for squares in found)
    assert len({tuple(squares) for squares in found}) == 50
    assert squares_of(augmentation(IMAGE, 0, 7), 20) == found[7]
    assert squares_of(SeededAugmentation(pictures, seed=2)(IMAGE, 0, 7), 20) != found[7]


def test_an_order_depends_on_seed_epoch_and_position_alone_and_every_order_is_as_likely() -> None:
    batches = PuzzleBatches(3, AS_THEY_ARE)
    first = batches.draw(1, 3, 10)
    assert torch.equal(batches.draw(1, 3, 10), first)
    for other in ((2, 3, 10), (1, 4, 10), (1, 3, 11)):
        assert not torch.equal(batches.draw(*other)[:9], first[:9])
    assert torch.equal(first[9:], AS_THEY_ARE.draw(1, 3, 10))
    orders = torch.stack([batches.draw(0, 0, position)[:9] for position in range(3000)]).long().numpy()
    assert (np.sort(orders, axis=1) == np.arange(9)).all()
    shares = np.stack([np.bincount(orders[:, place], minlength=9) for place in range(9)]) / 3000
    assert np.abs(shares - 1 / 9).max() < 0.025


def test_the_order_does_not_tell_how_the_image_is_turned() -> None:
    batches = PuzzleBatches(2, BatchAugmentation([-90, 90], 0, 0.5, 0.5))
    draws = torch.stack([batches.draw(0, 0, position) for position in range(2000)]).numpy()
    assert np.abs(np.corrcoef(draws.T)[:4, 4:]).max() < 0.08


def chosen(*overrides: str) -> Any:
    return build(composed_of(["augmentation=puzzle", *overrides]).settings, "augmentation")


def test_the_published_network_sees_nine_squares_of_100_px_then_turned_as_ever() -> None:
    found = chosen()
    assert isinstance(found, PuzzleBatches)
    assert isinstance(found.then, KerasAugmentation)
    assert found.in_a_row == 300 // 100


def test_another_network_has_as_many_at_the_size_that_is_augmented_and_any_augmentation_may_follow() -> None:
    found = chosen("model=efficientnet_lite0", "augmentation.square=96", "augmentation@augmentation.then=robust")
    assert found.transforms[0].grid == (4, 4)  # of the 384 px at which its images are augmented
    assert [type(one).__name__ for one in found.transforms[:3]] == ["RandomGridShuffle", "D4", "GaussianBlur"]


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (
            ("augmentation.square=70",),
            "augmentation.square=70: must be pixels by which the 300 px of "
            "model.image_size x model.supersampling can be divided, such as 75",
        ),
        (
            ("augmentation.square=300",),
            "augmentation.square=300: must be pixels by which the 300 px of "
            "model.image_size x model.supersampling can be divided, such as 150",
        ),
        (
            ("model.image_size=224",),
            "augmentation.square=null: must be pixels by which the 224 px of "
            "model.image_size x model.supersampling can be divided, such as 56",
        ),
        (("augmentation.square=0",), "augmentation.square=0: must be null or a whole number of at least 1"),
    ],
)
def test_squares_that_do_not_fill_the_image_are_refused(overrides: tuple[str, ...], line: str) -> None:
    with pytest.raises(UserError) as refused:
        check(composed_of(["augmentation=puzzle", *overrides]).settings)
    assert refused.value.lines == (line,)
