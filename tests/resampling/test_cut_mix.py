"""CutMix against its rule in plain NumPy, on images of one grey level each, by which they are known in the results."""

import math
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from oral_cancer.data.training_set import TrainingSet
from oral_cancer.errors import UserError
from oral_cancer.resampling import CutMix
from oral_cancer.resampling.cut_mix import areas, drawn_windows
from tests.published import soft_label

HEIGHT, WIDTH = 30, 20
NAMES = np.repeat(["parental", "3:1", "control"], [40, 25, 10])
LABELS = np.stack([soft_label(name) for name in NAMES])
IMAGES = np.broadcast_to(np.arange(len(NAMES), dtype=np.uint8)[:, None, None, None], (len(NAMES), HEIGHT, WIDTH, 3))
FIRST, SECOND = range(40), range(40, 65)
PAIR = [["parental", "3_1"]]


def mixed(partners: str, extent: str = "full", seed: int = 0) -> TrainingSet:
    return CutMix(PAIR, partners, extent).fit_resample(IMAGES, LABELS, seed, NAMES)


def seen(treated: TrainingSet, own: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The partner that each new image shows, -1 where its window is empty, and the share of it."""
    partners, shares = [], []
    for image, row in zip(treated.synthetic[..., 0], own, strict=True):
        others = set(np.unique(image).tolist()) - {int(row)}
        assert len(others) <= 1
        partners.append(others.pop() if others else -1)
        shares.append(np.mean(image != row))
        places = np.argwhere(image != row)
        if len(places):  # a rectangle, with nothing else in it
            top, left = places.min(axis=0)
            bottom, right = places.max(axis=0) + 1
            assert len(places) == (bottom - top) * (right - left)
    return np.array(partners), np.array(shares)


@pytest.mark.parametrize("partners", ["both", "own", "other"])
def test_each_image_of_a_pair_gets_a_partner_by_a_permutation_and_the_label_by_area(partners: str) -> None:
    treated = mixed(partners)
    own = np.array([*FIRST, *SECOND])
    np.testing.assert_array_equal(treated.indices, np.arange(len(NAMES)))
    assert len(treated.synthetic) == 65
    found, shares = seen(treated, own)
    other = np.where(found < 0, own, found)  # an image that is its own partner, or of which nothing is covered
    expected = (1 - shares)[:, None] * LABELS[own] + shares[:, None] * LABELS[other]
    np.testing.assert_allclose(treated.soft_labels[len(NAMES) :], expected, atol=1e-6)

    shown = Counter(found[found >= 0].tolist())
    in_first, known = own < 40, found >= 0
    assert set(shown) <= {*FIRST, *SECOND}
    if partners == "both":
        assert max(shown.values()) == 1
        assert 0 < np.mean((found < 40)[known] == in_first[known]) < 1
    elif partners == "own":
        assert max(shown.values()) == 1
        assert ((found < 40) == in_first)[known].all()
    else:
        assert ((found < 40) != in_first)[known].all()
        assert max(shown.values()) == math.ceil(40 / 25)  # of the rarer label some come twice, and none thrice
        assert max(shown[row] for row in FIRST) == 1


def test_partly_the_rarer_label_gains_what_it_lacks() -> None:
    treated = mixed("other", "partial")
    assert len(treated.synthetic) == 40 - 25
    partners, origins = [], []
    for image, label in zip(treated.synthetic[..., 0], treated.soft_labels[len(NAMES) :], strict=True):
        rows = set(np.unique(image).tolist())
        (own,) = rows & set(SECOND) or {None}
        (partner,) = rows & set(FIRST) or {None}
        share = 1.0 if own is None else np.mean(image == partner) if partner is not None else 0.0
        np.testing.assert_allclose(label, (1 - share) * soft_label("3:1") + share * soft_label("parental"), atol=1e-6)
        partners += [] if partner is None else [partner]
        origins += [] if own is None else [own]
    assert len(partners) > 8
    assert len(set(partners)) == len(partners)  # drawn without replacement
    repeated = [
        Counter(row for image in mixed("other", "partial", seed).synthetic for row in np.unique(image))
        for seed in range(5)
    ]
    assert max(count[row] for count in repeated for row in SECOND) > 1  # and these with it


def test_windows_are_as_wide_and_high_as_the_rule_says() -> None:
    number = 500
    windows = drawn_windows(number, HEIGHT, WIDTH, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    shares, rows, columns = rng.uniform(size=number), rng.integers(0, HEIGHT, number), rng.integers(0, WIDTH, number)
    for window, drawn, row, column in zip(windows.tolist(), shares, rows, columns, strict=True):
        high, wide = HEIGHT * math.sqrt(1 - drawn), WIDTH * math.sqrt(1 - drawn)
        assert window == [
            max(0, round(row - high / 2)),
            min(HEIGHT, round(row + high / 2)),
            max(0, round(column - wide / 2)),
            min(WIDTH, round(column + wide / 2)),
        ]
    assert ((areas(windows) >= 0) & (areas(windows) <= HEIGHT * WIDTH)).all()
    assert areas(windows).max() > 0.5 * HEIGHT * WIDTH
    whole = (windows[:, 1] - windows[:, 0]) * (windows[:, 3] - windows[:, 2])
    np.testing.assert_array_equal(areas(windows), whole)


def test_pairs_follow_each_other_and_labels_of_one_pair_do_not_meet_another() -> None:
    pairs = [["parental", "3:1"], ["control", "3:1"]]
    treated = CutMix(pairs, "both", "full").fit_resample(IMAGES, LABELS, 0, NAMES)
    assert len(treated.synthetic) == 65 + 35
    of_first = treated.soft_labels[len(NAMES) : len(NAMES) + 65]
    assert (of_first[:, 2] == 0).all()  # no control
    assert (treated.soft_labels[-35:, 2] > 0).any()


def test_partly_between_as_many_images_is_said_to_add_none() -> None:
    rows = np.r_[0:25, 40:65]
    treatment = CutMix(PAIR, "other", "partial")
    with pytest.warns(UserWarning, match=r"cutmix: parental and 3:1 are equally many, so that partial mixing adds"):
        treated = treatment.fit_resample(IMAGES[rows], LABELS[rows], 0, NAMES[rows])
    assert len(treated) == 50


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"partners": "any"}, r"^resampling\.partners=any: must be one of both, own, other$"),
        ({"extent": "half"}, r"^resampling\.extent=half: must be one of full, partial$"),
        (
            {"extent": "partial"},
            r"^resampling\.extent=partial: must be full, or give resampling\.partners=other: those",
        ),
        ({"pairs": []}, r"^resampling\.pairs=\[\]: must be at least one pair of labels, such as"),
        ({"pairs": [["a"]]}, r"^resampling\.pairs\.0=\[a\]: must be two different classes or mixtures, in quotes$"),
        ({"pairs": [["3:1", "3_1"]]}, r"^resampling\.pairs\.0=\[3:1,3_1\]: must be two different classes or mixtures"),
    ],
)
def test_refuses_options(options: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        CutMix(**{"pairs": PAIR, "partners": "both", "extent": "full"} | options)


def test_a_label_without_images_is_told_before_any_is_read() -> None:
    with pytest.raises(UserError, match=r"no image of 3_1, but of parental; change resampling\.pairs, or choose data="):
        CutMix(PAIR, "both", "full").check_labels(np.array(["parental"]))
