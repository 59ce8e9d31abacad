import numpy as np
import pandas as pd
import pytest

from oral_cancer.errors import UserError
from oral_cancer.evaluation.composition import Composition
from oral_cancer.evaluation.composition_tables import Composed, compose, compositions, estimators
from oral_cancer.evaluation.ensembles import Ensembles
from oral_cancer.evaluation.estimators import ESTIMATORS
from tests.published import CLASSES, MIXTURES

FEW = 200


@pytest.fixture(scope="module")
def composed(study):
    return compose(study)


def test_compositions_raw_and_estimated(study, composed):
    table = compositions(Ensembles.of(study), composed, FEW)
    assert list(table.columns) == [
        "experiment", "ensemble", "mixture", "calibrated", "estimator", "n",
        "true_parental", "true_resistant", "true_control", "parental", "resistant", "control",
        "parental_low", "resistant_low", "control_low", "parental_high", "resistant_high", "control_high",
    ]  # fmt: skip
    raw, headline = table[~table["calibrated"]], table[table["calibrated"]]
    assert len(raw) == 7 * (len(MIXTURES) + len(CLASSES))
    assert len(headline) == 3 * (len(MIXTURES) + len(CLASSES))
    assert set(raw["estimator"]) == {"raw"}
    assert set(headline.loc[headline["experiment"] == "m3", "estimator"]) == {"raw"}  # trained on all folds
    assert (table["parental_low"] <= table["parental"]).all()
    assert (table["parental"] <= table["parental_high"]).all()
    np.testing.assert_allclose(table[list(CLASSES)].sum(axis=1), 1)
    mixed = Ensembles.of(study).raw
    part = mixed[(mixed["experiment"] == "m1") & (mixed["ensemble"] == "simple") & (mixed["true_parental"] == 0.75)]
    row = raw.query("experiment == 'm1' and ensemble == 'simple' and mixture == '3:1'").iloc[0]
    assert row["resistant"] == pytest.approx(part["resistant"].mean())
    assert (row["true_parental"], row["true_resistant"], row["n"]) == (0.75, 0.25, 6)


def test_shrunk_predictions_are_corrected_and_pure_cultures_stay_pure(run):
    frame = pd.concat([run("shrinking", fold, noise=0.1, shrink=0.5, images=20) for fold in range(2)])
    composed = compose(frame)
    table = estimators(Ensembles.of(frame), composed).set_index("estimator")
    assert list(table.index) == list(ESTIMATORS)
    assert table["headline"].sum() == 1
    chosen = table[table["headline"]].iloc[0]
    assert table.loc["raw", "test_mixtures"] > 0.05
    assert chosen["test_mixtures"] < 0.3 * table.loc["raw", "test_mixtures"]
    assert chosen["covered"] >= 0.9
    assert chosen["width"] < 0.1
    assert table.loc["raw", ["covered", "width"]].isna().all()
    made = compositions(Ensembles.of(frame), composed, FEW).query("calibrated").set_index("mixture")
    for name in CLASSES:
        assert made.loc[name, name] >= 0.95
    assert (made.loc[list(MIXTURES), "control"] < 0.02).all()


def test_no_culture_has_a_say_in_what_it_is_judged_by(run):
    frame = run(shrink=0.5, images=20)
    before = compose(frame)["m1"]
    others = frame.copy()
    tested = (frame["split"] == "test") & (frame["label"] != "3:1")
    others.loc[tested, list(CLASSES)] = np.float32([0.2, 0.3, 0.5])
    after = compose(others)["m1"]
    assert after.headline.choice == before.headline.choice
    estimated = {key: of_culture(composed, "3:1") for key, composed in (("before", before), ("after", after))}
    np.testing.assert_array_equal(estimated["after"].mean, estimated["before"].mean)
    assert (estimated["after"].high - estimated["after"].low)[0] > 0.1  # as it is far off on the others
    own = frame.copy()
    own.loc[(frame["split"] == "test") & (frame["label"] == "3:1"), ["true_parental", "true_resistant"]] = (0.2, 0.8)
    called = of_culture(compose(own)["m1"], "3:1")
    for end in ("mean", "low", "high"):
        np.testing.assert_array_equal(getattr(called, end), getattr(estimated["before"], end))


def of_culture(composed: Composed, name: str) -> Composition:
    """What is said of the culture of this name."""
    return composed.estimates[[culture.name for culture in composed.cultures].index(name)]


def test_experiments_must_have_predicted_the_same_images(study, run):
    frame = pd.concat([study, run("m4", 0, images=5)])
    with pytest.raises(UserError, match="m2 and m4 did not predict the same images"):
        compositions(Ensembles.of(frame), compose(frame), FEW)


def test_where_nothing_mixes_pure_cultures_are_left(study):
    homo = study[study["set"] == "homo"]
    composed = compose(homo)
    assert set(compositions(Ensembles.of(homo), composed, FEW)["mixture"]) == set(CLASSES)
    table = estimators(Ensembles.of(homo), composed)
    assert set(table.loc[table["headline"], "estimator"]) == {"unmixing", "raw"}
    assert table["test_mixtures"].isna().all()


def test_where_nothing_is_tested_there_is_nothing_to_tell(run):
    frame = run()
    val = frame[frame["split"] == "val"]
    composed = compose(val)
    assert compositions(Ensembles.of(val), composed, FEW).empty
    assert estimators(Ensembles.of(val), composed)[["test_mixtures", "test_pure", "covered"]].isna().all(axis=None)
