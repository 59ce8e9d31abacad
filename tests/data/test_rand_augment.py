"""RandAugment, picture by picture."""

import albumentations
import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import RandAugment

from oral_cancer.data.augmentation import SeededAugmentation
from oral_cancer.data.rand_augment import OfTorchvision, rand_augment
from oral_cancer.experiments import compose_settings

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)


def test_it_is_torchvisions_by_the_generator_of_the_picture() -> None:
    ours = OfTorchvision(num_ops=3, magnitude=20, fill=9)
    theirs = RandAugment(3, 20, interpolation=InterpolationMode.BILINEAR, fill=9)
    for seed in range(20):
        ours.set_random_state(np.random.default_rng(seed), None)
        torch.manual_seed(int(np.random.default_rng(seed).integers(2**63)))
        expected = theirs(torch.from_numpy(PICTURE).permute(2, 0, 1)).permute(1, 2, 0).numpy()
        torch.manual_seed(1)
        before = torch.random.get_rng_state()
        np.testing.assert_array_equal(ours.apply(PICTURE), expected)
        assert torch.equal(torch.random.get_rng_state(), before)  # by which the network drops


@pytest.mark.parametrize("num_ops", [0, 2])
def test_a_picture_depends_on_seed_epoch_and_position_alone(num_ops: int) -> None:
    augmentation = SeededAugmentation(rand_augment(num_ops, 9, 0), seed=1)
    first = augmentation(PICTURE, 3, 10)
    assert first.shape == PICTURE.shape
    assert first.dtype == np.uint8
    others = [augmentation(PICTURE, 0, position) for position in range(12)]
    assert len({one.tobytes() for one in others}) > 4
    np.testing.assert_array_equal(augmentation(PICTURE, 3, 10), first)
    if num_ops == 0:  # turns and flips alone
        views = {np.rot90(one, turn).tobytes() for one in (PICTURE, PICTURE[:, ::-1]) for turn in range(4)}
        assert {one.tobytes() for one in others} <= views


def test_the_choice_builds_it_with_its_numbers() -> None:
    built = instantiate(compose_settings(["augmentation=randaugment", "augmentation.magnitude=30"]).augmentation)
    assert isinstance(built, albumentations.Compose)
    policy = built.transforms[1].policy
    assert (policy.num_ops, policy.magnitude, policy.num_magnitude_bins) == (2, 30, 31)
    assert built(image=PICTURE)["image"].shape == PICTURE.shape
