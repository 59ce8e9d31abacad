"""The map of the images: all of a run, in the colours of label, prediction and group."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from oral_cancer.evaluation.feature_space import FeatureSpace, Plane
from oral_cancer.evaluation.run_features import RunFeatures
from oral_cancer.study.feature_map import MOST, feature_map
from oral_cancer.study.report import write_report
from oral_cancer.study.runs import read_study
from oral_cancer.training.manifest import file_hashes, read_manifest, write_manifest
from tests.study.made_up import few_resamples, write_run


def with_features(study: Path, training: int = 30, groups: int = 0) -> Path:
    """A study of one run that keeps features, of which the images of each class lie together."""
    run = write_run(study, "m1", 0)
    evaluated = pd.read_csv(run / "predictions.csv")[["file", "label", "split"]].rename(columns={"split": "role"})
    rng = np.random.default_rng(0)
    trained = pd.DataFrame({"file": [f"t/{n}.png" for n in range(training)], "label": "control", "role": "train"})
    splits = pd.concat([trained, evaluated.sort_values("role", ascending=False)], ignore_index=True)
    splits["group"] = [f"donor {n % groups}" if groups else "" for n in range(len(splits))]
    splits.assign(bytes=1, sha256="0").to_csv(run / "splits.csv", index=False)
    features = rng.normal(0, 1, (len(splits), 8)).astype(np.float32)
    features[:, 0] += 9 * (splits["label"] == "parental")
    space, plane = FeatureSpace.fit(features), Plane.fit(features)
    numbers = np.hstack((space.points(features), plane.points(features)))
    rows = {role: np.flatnonzero(splits["role"] == role) for role in ("train", "val", "test")}
    reduced = {role: numbers[of_role] for role, of_role in rows.items()}
    RunFeatures.of(space, rows, reduced, plane.shares, np.zeros(0, np.uint8)).write(run)
    write_manifest(run, (read_manifest(run) or {}) | {"files": file_hashes(run)})
    return study


@pytest.mark.slow
def test_the_page_has_a_map_by_label_prediction_and_group(tmp_path: Path) -> None:
    study = read_study(with_features(tmp_path / "study", groups=12))
    found = feature_map(study, "m1")
    assert found is not None
    assert [drawing.title for drawing in found.drawings] == ["By label", "By prediction", "By group"]
    by_label, by_prediction, by_group = (str(drawing.svg) for drawing in found.drawings)
    labels = study.predictions["label"].value_counts()
    assert f"parental {labels['parental']} around" in by_label
    assert f"control {labels['control'] + 30} around" in by_label
    assert len(study.predictions) == sum(map(int, re.findall(r"(\d+) around", by_prediction)))
    assert all(f"var(--class-{k})" in by_label for k in range(3))
    assert len(re.findall(r"donor \d+ \d+ around", by_group)) == 10
    assert ">others<" in by_group
    across, up = re.findall(r"hold (\d+) % and (\d+) % of their variance", found.said)[0]
    assert int(across) > int(up)
    with few_resamples():
        _, page = write_report(study)
        text = page.read_text()
        assert "Map of the images" in text
        assert text.count("By group</figcaption>") == 1
        assert write_report(read_study(study.folder))[1].read_text() == text


def test_without_features_the_page_says_so(tmp_path: Path) -> None:
    write_run(tmp_path / "study", "m1", 0)
    assert feature_map(read_study(tmp_path / "study"), "m1") is None
    with few_resamples():
        _, page = write_report(read_study(tmp_path / "study"))
    assert "There is no map: the run keeps no features of its images." in page.read_text()


def test_of_very_many_images_some_are_drawn_and_that_is_said(tmp_path: Path) -> None:
    found = feature_map(read_study(with_features(tmp_path / "study", training=2 * MOST)), "m1")
    assert found is not None
    assert not found.grouped
    assert f"Shown are {MOST} of " in found.said
