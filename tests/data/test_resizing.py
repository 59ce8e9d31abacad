"""Resizing as PLOS ONE e0310304 did it, by OpenCV, and as this program does it unless it is told so."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from oral_cancer.data.reading import Reading
from oral_cancer.data.resizing import resized, resized_batch
from oral_cancer.data.store import open_store, store_name
from tests.data.test_store import collect

SHAPES = [(120, 160), (31, 47), (64, 64), (20, 300)]


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("shape", SHAPES)
def test_without_antialiasing_it_is_opencvs(shape: tuple[int, int]) -> None:
    image = noise(*shape)
    expected = cv2.resize(image, (30, 30), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(resized(image, 30, antialias=False), expected)
    batch = resized_batch(torch.from_numpy(image)[None], 30, antialias=False)
    assert batch.dtype == torch.uint8
    assert np.abs(batch[0].numpy().astype(int) - expected).max() <= 1


def test_only_without_antialiasing_fine_texture_aliases() -> None:
    stripes = np.zeros((128, 128, 3), np.uint8)
    stripes[:, ::2] = 255
    assert resized(stripes, 48).std() < 30 < resized(stripes, 48, antialias=False).std()


def test_an_image_that_cannot_be_written_to_is_resized_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    image = noise(31, 47)
    image.flags.writeable = False
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)  # and not once a process
    try:
        resized(image, 30)
    finally:
        torch.set_warn_always(always)
    assert not recwarn.list


def test_the_store_keeps_pixels_by_how_they_were_resized(tmp_path: Path) -> None:
    root = tmp_path / "images"
    (root / "a").mkdir(parents=True)
    cv2.imwrite(str(root / "a" / "0.png"), noise(120, 160)[..., ::-1])
    smooth, aliased = (open_store(collect(root), 30, tmp_path / "store", antialias=how) for how in (True, False))
    np.testing.assert_array_equal(aliased.images[0], resized(noise(120, 160), 30, antialias=False))
    np.testing.assert_array_equal(smooth.images[0], resized(noise(120, 160), 30))
    assert aliased.fingerprint == smooth.fingerprint  # of the files
    names = {store_name(root, 30, Reading(), how) for how in (True, False)}
    assert {path.name for path in (tmp_path / "store").iterdir()} == names
    assert len(names) == 2
