"""The published trainings, drawn beside those of a study on the same images and on no others."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from oral_cancer.study.plots import learning_curves
from oral_cancer.study.published import VAL_ACCURACY, VAL_LOSS, published_curves
from oral_cancer.study.runs import read_study
from tests.conftest import REPOSITORY
from tests.study.made_up import write_run

PUBLISHED = {"found": {"images": {".tif": 1700}, "left_out": {}}}
CLEANED = {"found": {"images": {".tif": 1698}, "left_out": {"identical to another image": {"number": 2, "files": []}}}}


@pytest.mark.parametrize("facts", [PUBLISHED, CLEANED])
def test_a_study_on_the_published_images_has_them_beside_its_own(tmp_path: Path, facts: dict[str, object]) -> None:
    for name in ("m1", "m3_published", "mine"):
        write_run(tmp_path / "paper", name, 0, **facts)
    curves = published_curves(read_study(tmp_path / "paper"))
    assert curves["experiment"].unique().tolist() == ["m1", "m3_published"]
    for name, model in (("m1", "m1"), ("m3_published", "m3")):
        own = curves[curves["experiment"] == name]
        assert own["epoch"].tolist() == list(range(10))
        assert tuple(own["val_loss"]) == VAL_LOSS[model]
        assert tuple(own["val_accuracy"]) == VAL_ACCURACY[model]


@pytest.mark.parametrize("facts", [{}, PUBLISHED | {"source": "simulated"}])
def test_no_other_study_has(tmp_path: Path, facts: dict[str, object]) -> None:
    write_run(tmp_path / "other", "m1", 0, **facts)
    assert published_curves(read_study(tmp_path / "other")).empty


def test_they_are_drawn_dashed_as_far_as_the_trainings_go(tmp_path: Path) -> None:
    write_run(tmp_path / "paper", "m1", 0, **PUBLISHED)
    study = read_study(tmp_path / "paper")
    drawn = learning_curves(study.histories, {"m1": "#123456"}, published_curves(study))
    panels = {panel.title: panel for panel in drawn}
    (loss,) = (line for line in panels["Validation loss"].figure.axes[0].lines if line.get_linestyle() == "--")
    assert np.asarray(loss.get_ydata()).tolist() == list(VAL_LOSS["m1"][:2])
    assert panels["Validation loss"].description.endswith("dashed: as published")
    assert not [line for line in panels["Training loss"].figure.axes[0].lines if line.get_linestyle() == "--"]


def test_the_table_is_the_mean_of_the_authors_logs() -> None:
    logs = REPOSITORY.parent / "shared" / "published" / "history.csv"
    if not logs.is_file():
        pytest.skip("needs the published logs beside the repository")
    means = pd.read_csv(logs).groupby(["model", "epoch"]).mean()
    for column, table in (("val_mse", VAL_LOSS), ("val_accuracy", VAL_ACCURACY)):
        for model, values in table.items():
            np.testing.assert_allclose(values, means.loc[model.upper(), column], atol=5.1e-5)
