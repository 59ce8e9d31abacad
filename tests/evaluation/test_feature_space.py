import numpy as np
import pytest

from oral_cancer.data.thumbnails import SIDE, sheet_of, thumbnails
from oral_cancer.errors import UserError
from oral_cancer.evaluation.feature_space import LIMIT, USUAL, FeatureSpace, Judge, Plane, distances
from oral_cancer.evaluation.run_features import FILE, MOST, RunFeatures, read_features

D = 60


def drawn(n: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Features that vary in a few directions, and a little in all."""
    rng = np.random.default_rng(seed)
    directions = np.random.default_rng(0).normal(0, 1, (5, D))
    return (rng.normal(0, 3, (n, 5)) @ directions + rng.normal(0, 0.5, (n, D)) + shift).astype(np.float32)


@pytest.fixture(scope="module")
def judge() -> Judge:
    space = FeatureSpace.fit(drawn(200, 1))
    return Judge(space, space.points(drawn(200, 1)), space.points(drawn(60, 2)))


def test_a_distance_of_one_is_that_within_which_nearly_all_held_out_images_lie(judge: Judge) -> None:
    own = judge.likeness(drawn(60, 2))
    assert np.mean(own.distance <= 1) == pytest.approx(USUAL, abs=1 / 60)
    assert own.percentile.max() < 100
    again = judge.likeness(drawn(200, 3))
    assert np.mean(again.distance > LIMIT) == 0
    assert np.median(again.percentile) == pytest.approx(50, abs=15)


def test_what_lies_in_no_direction_of_the_training_is_far(judge: Judge) -> None:
    shifted = judge.likeness(drawn(50, 4, shift=4.0))
    assert (shifted.distance > LIMIT).all()
    assert (shifted.percentile == 100).all()


def test_a_distance_is_mahalanobis_where_the_components_hold_everything() -> None:
    rng = np.random.default_rng(0)
    training = (rng.normal(0, 1, (400, 3)) @ rng.normal(0, 1, (3, 3))).astype(np.float32)
    new = rng.normal(0, 2, (20, 3)).astype(np.float32)
    found = distances(FeatureSpace.fit(training).points(new))
    apart = new - training.mean(axis=0)
    expected = np.sqrt(np.einsum("ni,ij,nj->n", apart, np.linalg.inv(np.cov(training.T, ddof=0)), apart))
    np.testing.assert_allclose(found, expected, rtol=5e-3)


def test_an_image_of_the_training_is_nearest_to_itself(judge: Judge) -> None:
    found = judge.likeness(drawn(200, 1)[[3, 77, 150]])
    assert found.nearest[:, 0].tolist() == [3, 77, 150]
    assert found.nearest.shape == (3, 3)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_few_images_and_features_that_never_vary_give_finite_distances(n: int) -> None:
    training = drawn(n, 0)
    training[:, 10:] = 0
    space = FeatureSpace.fit(training)
    assert np.isfinite(space.points(drawn(4, 1))).all()
    assert np.isfinite(Plane.fit(training).points(drawn(4, 1))).all()


def kept(n: int = 40) -> RunFeatures:
    space, plane = FeatureSpace.fit(drawn(n, 1)), Plane.fit(drawn(n, 1))
    rows = {"train": np.arange(n), "val": np.arange(n, n + 9), "test": np.arange(n + 9, n + 16)}
    reduced = {
        role: np.hstack((space.points(drawn(len(of_role), 5)), plane.points(drawn(len(of_role), 5))))
        for role, of_role in rows.items()
    }
    return RunFeatures.of(space, rows, reduced, plane.shares, np.arange(9, dtype=np.uint8))


def test_what_is_kept_is_read_as_it_was_written(tmp_path) -> None:
    features = kept()
    features.write(tmp_path)
    content = (tmp_path / FILE).read_bytes()
    found = read_features(tmp_path, 56)
    assert found is not None
    assert found.rows.tolist() == list(range(56))
    assert found.judge is not None
    assert len(found.judge.held_out) == 9
    np.testing.assert_array_equal(found.points, features.points)
    found.write(tmp_path)
    assert (tmp_path / FILE).read_bytes() == content
    assert read_features(tmp_path / "nowhere", 56) is None


def test_rows_beyond_the_images_are_refused(tmp_path) -> None:
    kept().write(tmp_path)
    with pytest.raises(UserError, match="is not as a run writes it"):
        read_features(tmp_path, 55)


def test_the_sheet_of_any_images_keeps_the_file_small() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (4, 90, 120, 3), dtype=np.uint8)
    sheet = sheet_of((noise[place % 4] for place in range(MOST)), MOST)
    numbers = 3 * MOST * (33 + 2) * 2 + 32 * 2048 * 2 + 4 * 2048 * 4
    assert len(sheet) + numbers < 2_000_000
    assert thumbnails(sheet, [0, MOST - 1, 10 * MOST])[2] is None


def test_a_thumbnail_is_the_image_at_its_place() -> None:
    greys = np.linspace(0, 255, 70).astype(np.uint8)
    sheet = sheet_of((np.full((50, 80, 3), grey, np.uint8) for grey in greys), len(greys))
    for place, picture in zip((0, 33, 69), thumbnails(sheet, [0, 33, 69]), strict=True):
        assert picture is not None
        assert picture.shape == (SIDE, SIDE, 3)
        assert abs(float(picture.mean()) - greys[place]) < 2
    assert thumbnails(np.zeros(5, np.uint8), [0]) == [None]
