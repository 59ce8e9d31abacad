import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import albumentations
import cv2
import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from numpy.typing import NDArray
from scipy.stats import kstest

from benchmarks.second_microscope import second_microscope
from oral_cancer.data import robust as module
from oral_cancer.data.augmentation import SeededAugmentation
from oral_cancer.data.robust import Ranges, RobustBatches, normal_noise, pictures, robust
from tests.conftest import REPOSITORY

Pixels = NDArray[np.uint8]
SIDE = 64
NOTHING = Ranges()
ONE = {
    "blur": (1.5, 1.5),
    "fall_off": (0.4, 0.4),
    "colour": (0.8, 0.8),
    "brightness": (1.2, 1.2),
    "contrast": (0.6, 0.6),
    "gamma": (1.3, 1.3),
}


def chosen(accelerator: str = "cpu") -> albumentations.Compose | RobustBatches:
    with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
        return instantiate(compose("train", ["augmentation=robust", f"trainer.accelerator={accelerator}"]).augmentation)


@pytest.fixture
def ranges(monkeypatch: pytest.MonkeyPatch) -> Ranges:
    """Those of the file, for pictures of 64 px."""
    monkeypatch.setattr(module, "trains_on_cuda", lambda accelerator: True)
    found = chosen().ranges
    return replace(found, blur=(found.blur[0] * SIDE / 300, found.blur[1] * SIDE / 300))


@pytest.fixture
def image() -> Pixels:
    """Blobs from 40 to 200, of three channels that differ, with no black."""
    coarse = np.random.default_rng(0).integers(40, 200, (SIDE // 8, SIDE // 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)


def on_cpu(ranges: Ranges, image: Pixels, number: int, seed: int = 0) -> Pixels:
    augmentation = SeededAugmentation(pictures(ranges), seed)
    return np.stack([augmentation(image, 0, position) for position in range(number)])


def in_batches(ranges: Ranges, image: Pixels, number: int, seed: int = 0) -> Pixels:
    augmentation = RobustBatches(ranges)
    draws = torch.stack([augmentation.draw(seed, 0, position) for position in range(number)])
    return augmentation(torch.from_numpy(image).expand(number, -1, -1, -1), draws).numpy()


WAYS: list[Callable[..., Pixels]] = [on_cpu, in_batches]


def test_the_choice_suits_what_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(chosen(), albumentations.Compose)
    monkeypatch.setattr(module, "trains_on_cuda", lambda accelerator: accelerator == "gpu")
    assert isinstance(chosen(), albumentations.Compose)
    assert isinstance(chosen("gpu"), RobustBatches)


def test_blur_is_a_share_of_the_side_that_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "trains_on_cuda", lambda accelerator: True)
    spans = {name: [1, 1] for name in ("fall_off", "colour", "brightness", "contrast", "gamma", "noise")}
    assert robust("gpu", 128, 3, blur=[0, 0.01], **spans).ranges.blur == (0, pytest.approx(3.84))


@pytest.mark.parametrize("way", WAYS)
def test_a_picture_depends_on_its_seed_and_position_alone(way, ranges: Ranges, image: Pixels) -> None:
    first, again, other = (way(ranges, image, 6, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert len({picture.tobytes() for picture in (*first, *other)}) == 12
    assert np.array_equal(way(ranges, image, 3), first[:3])  # whatever else is in the batch


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("level", [0, 255])
def test_pictures_stay_bytes_of_the_same_shape(way, ranges: Ranges, level: int) -> None:
    found = way(ranges, np.full((SIDE, SIDE, 3), level, np.uint8), 20)
    assert found.dtype == np.uint8
    assert found.shape == (20, SIDE, SIDE, 3)
    far = np.abs(found.astype(int) - level)
    assert far.mean(axis=(1, 2, 3)).max() < 160  # what overflows would be at the other end


@pytest.mark.parametrize("way", WAYS)
def test_turns_and_flips_are_the_eight_of_the_square_and_leave_no_black_corner(way, image: Pixels) -> None:
    found = way(NOTHING, image, 400)
    views = [np.rot90(flipped, turns) for flipped in (image, image[:, ::-1]) for turns in range(4)]
    shares = np.array([(np.abs(found.astype(int) - view).max(axis=(1, 2, 3)) <= 1).mean() for view in views])
    assert shares.sum() == pytest.approx(1)
    assert shares.min() > 0.07
    assert found.min() >= image.min() - 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ONE)
def test_each_change_is_what_its_range_says(way, name: str, image: Pixels) -> None:
    square = symmetric(image)
    (found,) = way(replace(NOTHING, **{name: ONE[name]}), square, 1)
    assert np.abs(found - expected(name, ONE[name][0], square.astype(float))).max() <= 2, name


def symmetric(image: Pixels) -> Pixels:
    """The same however it is turned and flipped."""
    views = [np.rot90(flipped, turns) for flipped in (image, image[:, ::-1]) for turns in range(4)]
    return np.mean(views, axis=0).round().astype(np.uint8)


def expected(name: str, value: float, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    if name == "blur":
        changed = cv2.GaussianBlur(pixels, (0, 0), value)
    elif name == "fall_off":
        at = np.linspace(-1, 1, SIDE) ** 2 / 2
        changed = pixels * (1 - value * (at[:, None] + at))[..., None]
    elif name == "contrast":
        middle = pixels.mean(axis=(0, 1)) @ (0.299, 0.587, 0.114)
        changed = middle + value * (pixels - middle)
    elif name == "gamma":
        changed = 255 * (pixels / 255) ** value
    else:
        changed = pixels * value
    return changed.clip(0, 255)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_drawn_lies_in_its_range_and_fills_it(way, image: Pixels) -> None:
    grey = np.full((SIDE, SIDE, 3), 100, np.uint8)
    for name, low, high in (("brightness", 0.8, 1.25), ("colour", 0.8, 1.2)):
        means = way(replace(NOTHING, **{name: (low, high)}), grey, 200).mean(axis=(1, 2)) / 100
        assert low - 0.01 <= means.min() <= low + 0.05
        assert high - 0.05 <= means.max() <= high + 0.01
        assert np.allclose(means[:, 0], means[:, 2]) == (name == "brightness")  # channels differ in colour alone
    deviations = way(replace(NOTHING, noise=(2, 8)), grey, 100).std(axis=(1, 2, 3))
    assert 1.9 < deviations.min() < 2.6
    assert 7.4 < deviations.max() < 8.2


def test_pictures_and_batches_are_spread_alike(ranges: Ranges, image: Pixels) -> None:
    found = [way(ranges, image, 300).astype(float) for way in WAYS]
    for what in (
        lambda of: of.mean(axis=(1, 2, 3)),
        lambda of: of.std(axis=(1, 2, 3)),
        lambda of: of[..., 0].mean(axis=(1, 2)) - of[..., 2].mean(axis=(1, 2)),
        lambda of: np.abs(np.diff(of, axis=1)).mean(axis=(1, 2, 3)),
        lambda of: of[:, 24:40, 24:40].mean(axis=(1, 2, 3)) - of.mean(axis=(1, 2, 3)),
    ):
        one, other = map(what, found)
        assert abs(one.mean() - other.mean()) < 0.35 * one.std()
        assert 0.75 < one.std() / other.std() < 1.33


def test_noise_is_normal_and_no_two_images_have_the_same() -> None:
    found = normal_noise(torch.tensor([0, 1, 2**24 - 1]).view(3, 1, 1, 1), (3, 3, SIDE, SIDE))
    flat = found.flatten(1).numpy()
    assert all(kstest(one, "norm").pvalue > 0.01 for one in flat)
    assert np.abs(np.corrcoef(flat) - np.eye(3)).max() < 0.03
    assert abs(np.corrcoef(flat[0, 1:], flat[0, :-1])[0, 1]) < 0.03


def test_a_training_is_augmented_by_either(train: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for on_gpu, where in ((False, "cpu"), (True, "device")):
        monkeypatch.setattr(module, "trains_on_cuda", lambda accelerator, on_gpu=on_gpu: on_gpu)
        run = train("augmentation=robust", "trainer.max_epochs=1", folder=where)
        assert json.loads((run / "manifest.json").read_text())["augmented_on"] == where


def test_the_second_microscope_is_the_same_each_time_and_another(image: Pixels) -> None:
    seen = second_microscope(image)
    assert np.array_equal(seen, second_microscope(image))
    assert seen.dtype == np.uint8
    assert seen.shape == image.shape
    means, before = (of.mean(axis=(0, 1)) for of in (seen.astype(float), image.astype(float)))
    assert means[0] / means[2] > 1.1 * before[0] / before[2]  # warmer
    grey = second_microscope(np.full_like(image, 128)).mean(axis=(0, 2))
    assert grey[:8].mean() - grey[-8:].mean() > 10  # lit from the left
    assert np.corrcoef(seen.ravel(), image.ravel())[0, 1] > 0.7  # and still that field
