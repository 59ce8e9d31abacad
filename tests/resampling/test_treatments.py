"""What every treatment keeps to, and what every treatment on mixtures refuses."""

from collections import Counter

import hydra.errors
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from oral_cancer.errors import UserError
from oral_cancer.resampling import (
    BorderlineSmote,
    CutMix,
    EnnRandomOverSampling,
    NoResampling,
    RandomOverSampling,
    SoftSmote,
)
from tests.published import CLASSES, MIXTURES, group_names

from .conftest import CONFIGS, PUBLISHED, resample

CLASS_OF = {
    "none": NoResampling,
    "ros": RandomOverSampling,
    "borderline_smote": BorderlineSmote,
    "enn_ros": EnnRandomOverSampling,
    "cutmix": CutMix,
    "soft_smote": SoftSmote,
}
ON_MIXTURES = ["ros", "borderline_smote", "enn_ros"]
BETWEEN_LABELS = ["cutmix", "soft_smote"]


class OnDisk:
    """Images that can only be read by rows, as those of an image store; it notes which are read."""

    def __init__(self, images):
        self._images = images
        self.shape, self.dtype = images.shape, images.dtype
        self.read = set()

    def __len__(self):
        return len(self._images)

    def __getitem__(self, rows):
        assert isinstance(rows, np.ndarray)
        assert rows.dtype.kind == "i"
        self.read |= set(rows.tolist())
        return self._images[rows]


def test_every_yaml_file_is_known_here():
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == set(CLASS_OF)


@pytest.mark.parametrize("name", CLASS_OF)
def test_contract(name, treatment, make_data):
    images, soft_labels = make_data()
    before = images.copy()
    sampler = treatment(name)
    assert isinstance(sampler, CLASS_OF[name])

    result = resample(sampler, OnDisk(images), soft_labels, 3)

    assert result.indices.dtype == np.int64
    assert result.indices.min() >= 0
    assert result.indices.max() < len(images)
    assert result.synthetic.dtype == np.uint8
    assert result.synthetic.shape[1:] == images.shape[1:]
    assert result.soft_labels.dtype == np.float32
    assert result.soft_labels.shape == (len(result.indices) + len(result.synthetic), 3)
    assert len(result) == len(result.soft_labels)
    np.testing.assert_array_equal(result.soft_labels[: len(result.indices)], soft_labels[result.indices])
    np.testing.assert_array_equal(images, before)
    homo = np.flatnonzero(np.isin(group_names(soft_labels), CLASSES))
    kept = Counter(result.indices.tolist())
    assert all(kept[row] == 1 for row in homo.tolist())


@pytest.mark.parametrize("name", CLASS_OF)
def test_same_seed_same_result(name, treatment, make_data):
    images, soft_labels = make_data()
    first, again, other = (resample(treatment(name), images, soft_labels, seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.indices, again.indices)
    np.testing.assert_array_equal(first.synthetic, again.synthetic)
    if name != "none":
        same_rows = np.array_equal(first.indices, other.indices)
        assert not (same_rows and np.array_equal(first.synthetic, other.synthetic))


@pytest.mark.parametrize("name", ["none", "ros"])
def test_selection_reads_no_pixels(name, treatment, make_data):
    images, soft_labels = make_data()
    on_disk = OnDisk(images)
    resample(treatment(name), on_disk, soft_labels)
    assert not on_disk.read


def test_cleaning_reads_mixtures_only(treatment, make_data):
    images, soft_labels = make_data()
    on_disk = OnDisk(images)
    resample(treatment("enn_ros"), on_disk, soft_labels)
    assert set(group_names(soft_labels[sorted(on_disk.read)])) == set(MIXTURES)


@pytest.mark.parametrize("name", ON_MIXTURES)
def test_published_counts(name, treatment, make_data):
    images, soft_labels = make_data()
    result = resample(treatment(name), images, soft_labels)
    counts = Counter(group_names(result.soft_labels).tolist())
    cleaned = dict.fromkeys(MIXTURES, 128)
    if name == "enn_ros":
        distinct = np.unique(result.indices)
        cleaned = Counter(group_names(soft_labels[distinct]).tolist())
        assert cleaned["2:1"] == 128
        assert all(0 < cleaned[mixture] < 128 for mixture in ("1:2", "3:1", "1:3"))
    assert {name: counts[name] for name in CLASSES} == dict.fromkeys(CLASSES, 192)
    added = {mixture: counts[mixture] - cleaned[mixture] for mixture in MIXTURES}
    assert added == {"3:1": 256, "1:3": 256, "2:1": 128, "1:2": 256}


@pytest.mark.parametrize("name", ON_MIXTURES + BETWEEN_LABELS)
def test_refuses_a_training_set_without_mixtures(name, treatment, make_data):
    images, soft_labels = make_data(dict.fromkeys(CLASSES, 20))
    with pytest.raises(
        UserError, match=r"no image of .*, but of parental, resistant, control; .* choose data=homo_hetero or"
    ):
        resample(treatment(name), images, soft_labels)


def test_none_takes_a_training_set_without_mixtures(treatment, make_data):
    images, soft_labels = make_data(dict.fromkeys(CLASSES, 20))
    assert treatment("none").fit_resample(images, soft_labels, 0).indices.tolist() == list(range(60))


@pytest.mark.parametrize("name", ON_MIXTURES + BETWEEN_LABELS)
def test_refuses_a_training_set_that_lacks_a_mixture(name, treatment, make_data):
    images, soft_labels = make_data({group: 20 for group in PUBLISHED if group != "2:1"})
    with pytest.raises(UserError, match=r"no image of 2[:_]1, but of "):
        resample(treatment(name), images, soft_labels)


@pytest.mark.parametrize("name", ON_MIXTURES)
def test_a_wrong_multiple_is_refused_when_the_treatment_is_made(name, treatment):
    with pytest.raises(hydra.errors.InstantiationException) as caught:
        treatment(name, multiples={"3_1": -1, "1_3": -2})
    assert isinstance(caught.value.__cause__, UserError)
    assert len(caught.value.__cause__.lines) == 2


@pytest.mark.parametrize("name", ON_MIXTURES)
def test_one_multiple_can_be_set_on_the_command_line(name):
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose(name, ["multiples.3_1=4"])
    assert config.multiples == dict(OmegaConf.load(CONFIGS / f"{name}.yaml").multiples) | {"3_1": 4}


@pytest.mark.parametrize(("name", "made"), [("cutmix", 320 + 320 + 320 + 256), ("soft_smote", 320 + 320 + 320 + 256)])
def test_between_labels_there_are_as_many_new_images_as_those_of_the_pairs(name, made, treatment, make_data):
    images, soft_labels = make_data()
    result = resample(treatment(name), images, soft_labels)
    np.testing.assert_array_equal(result.indices, np.arange(len(images)))
    assert len(result.synthetic) == made
    between = result.soft_labels[len(images) :]
    assert (between[:, 2] == 0).all()
    assert np.abs(between.sum(axis=1) - 1).max() < 1e-6
