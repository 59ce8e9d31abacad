import numpy as np
import pandas as pd
import pytest

from oral_cancer.errors import UserError
from oral_cancer.evaluation.predictions import (
    classes_of,
    columns,
    labels,
    probabilities,
    read_predictions,
    write_predictions,
)
from tests.published import CLASSES


def test_float32_probabilities_are_read_back_exactly(tmp_path, run):
    frame = run(images=100)
    random = np.random.default_rng(0)
    shares = random.dirichlet([0.05, 1, 5], len(frame)).astype(np.float32)
    frame[["parental", "resistant", "control"]] = shares
    write_predictions(tmp_path / "new" / "predictions.csv", frame)
    back = read_predictions(tmp_path / "new" / "predictions.csv")
    assert back["parental"].dtype == np.float32
    np.testing.assert_array_equal(back[["parental", "resistant", "control"]].to_numpy(), shares)
    np.testing.assert_array_equal(labels(back), labels(frame))
    assert list(back.columns) == columns(CLASSES)
    assert back.drop(columns=["parental", "resistant", "control"]).equals(
        frame.drop(columns=["parental", "resistant", "control"]).astype(
            back.dtypes.drop(["parental", "resistant", "control"])
        )
    )


def test_bytes_are_stable(tmp_path, run):
    one, two = tmp_path / "1.csv", tmp_path / "2.csv"
    write_predictions(one, run(fold="all"))
    frame = read_predictions(one)
    write_predictions(two, frame[[*frame.columns[5::-1], *frame.columns[6:]]])
    assert one.read_bytes() == two.read_bytes()
    assert b"\r" not in one.read_bytes()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["1.csv", "2.csv"]


def test_written_in_the_fewest_digits(tmp_path, run):
    frame = run().iloc[[-1]].assign(parental=np.float32(0.1), resistant=np.float32(0.9), control=np.float32(1e-8))
    write_predictions(tmp_path / "p.csv", frame)
    row = (tmp_path / "p.csv").read_text().splitlines()[1]
    assert row == "m1,0,0,0,test,hetero,20X_TG1-WT3/5.tif,3:1,0.75,0.25,0.0,0.1,0.9,1e-08"


def test_a_file_that_was_written_with_model_is_read_with_experiment(tmp_path, run):
    new, old = tmp_path / "new.csv", tmp_path / "old.csv"
    write_predictions(new, pd.concat([run("m1"), run("m2", "all")]))
    old.write_text(new.read_text().replace("experiment,", "model,", 1))
    pd.testing.assert_frame_equal(read_predictions(old), read_predictions(new))


def test_a_file_that_was_written_without_seeds_is_read(tmp_path, run):
    new, old = tmp_path / "new.csv", tmp_path / "old.csv"
    write_predictions(new, run("m1"))
    old.write_text(pd.read_csv(new, dtype=str).drop(columns=["split_seed", "seed"]).to_csv(index=False))
    pd.testing.assert_frame_equal(read_predictions(old), read_predictions(new))
    old.write_text(new.read_text().replace("m1,0,0,0,", "m1,0,0,x,", 1))
    with pytest.raises(UserError, match="line 2: seed is 'x', not a whole number"):
        read_predictions(old)


def test_labels_follow_from_proportions_where_no_column_says_them(tmp_path, run):
    new, old = tmp_path / "new.csv", tmp_path / "old.csv"
    write_predictions(new, run("m1"))
    pd.read_csv(new, dtype=str).drop(columns="label").to_csv(old, index=False)
    pd.testing.assert_frame_equal(read_predictions(old), read_predictions(new))
    assert {"parental", "1:2", "3:1"} <= set(read_predictions(old)["label"])


def test_where_both_columns_stand_the_experiment_counts(tmp_path, run):
    run("m1").assign(model="efficientnet_b3").to_csv(tmp_path / "p.csv", index=False)
    assert set(read_predictions(tmp_path / "p.csv")["experiment"]) == {"m1"}


def test_folds_are_ints_or_all(tmp_path, run):
    write_predictions(tmp_path / "p.csv", pd.concat([run(fold=12), run(fold="all")]))
    assert set(read_predictions(tmp_path / "p.csv")["fold"]) == {12, "all"}


def test_arrays_are_in_the_order_of_the_classes(run):
    frame = run()
    assert classes_of(frame) == CLASSES
    shuffled = frame[frame.columns[::-1]]
    assert classes_of(shuffled) == CLASSES[::-1]
    np.testing.assert_array_equal(probabilities(shuffled)[:, 0], frame["control"].to_numpy(np.float64))
    np.testing.assert_array_equal(labels(shuffled)[:, 2], frame["true_parental"].to_numpy())
    assert probabilities(frame).dtype == np.float64


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("resistant", "much", "resistant is 'much', not a number"),
        ("resistant", "", "resistant is '', not a number"),
        ("control", "nan", "control is 'nan', not a number"),
        ("true_control", "inf", "true_control is 'inf', not a number"),
        ("parental", "1.5", "not within [0, 1] or do not sum to 1"),
        ("parental", "-0.5", "not within [0, 1] or do not sum to 1"),
        ("parental", "0.002", "not within [0, 1] or do not sum to 1"),
        ("true_parental", "0.5", "[0.5, 0.0, 0.0] are not within [0, 1] or do not sum to 1"),
        ("label", "resistant", "is no label of the set homo"),
        ("label", "3:1", "is no label of the set homo"),
        ("set", "hetero", "is no label of the set hetero"),
        ("set", "mixed", "set is 'mixed', not homo or hetero"),
        ("split", "train", "split is 'train', not val or test"),
        ("fold", "first", "fold is 'first', not a whole number or all"),
        ("file", "control/0.tif", "control/0.tif is there twice"),
    ],
)
def test_a_wrong_cell_is_refused_by_line(tmp_path, run, column, value, fault):
    frame = run().astype(object)
    frame = frame[frame["split"] == "test"].reset_index(drop=True)
    frame.loc[3, ["parental", "resistant", "control"]] = [0.0, 0.5, 0.5]
    frame.loc[3, column] = value
    frame.to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(UserError) as refusal:
        read_predictions(tmp_path / "p.csv")
    line = next(line for line in refusal.value.lines if fault in line)
    assert line.startswith(f"{tmp_path / 'p.csv'}, line 5: ")


def test_all_kinds_of_fault_are_listed_at_once(tmp_path, run):
    frame = run().astype(object)
    frame.loc[[2, 4, 7], "split"] = "train"
    frame.loc[5, "control"] = "?"
    frame.to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(UserError) as refusal:
        read_predictions(tmp_path / "p.csv")
    split, control = refusal.value.lines
    assert "line 4" in split
    assert "(and 2 further rows)" in split
    assert "line 7" in control


def test_a_sum_within_a_thousandth_is_accepted(tmp_path, run):
    frame = run().assign(parental=0.3005, resistant=0.3, control=0.4)
    write_predictions(tmp_path / "p.csv", frame)
    assert len(read_predictions(tmp_path / "p.csv")) == len(frame)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "there is no such file"),
        (b"", "the file is empty"),
        (",".join(columns(CLASSES)).encode(), "has no rows"),
        (b"experiment,fold\nm1,0\n", "lacks the columns split, set, file, true_<class>"),
        (b"model,fold\nm1,0\n", "lacks the columns split, set, file, true_<class>"),
        (b"fold\n0\n", "lacks the columns experiment, split, set, file, true_<class>"),
        (b"experiment,fold\nm1,0\nm1,0,1,2\n", "not a readable CSV file"),
        (b"experiment,fold\n\xff\xfe,0\n", "not a readable CSV file"),
    ],
)
def test_an_unusable_file_is_refused_by_name(tmp_path, content, fault):
    path = tmp_path / "p.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=fault) as refusal:
        read_predictions(path)
    assert str(path) in str(refusal.value)
