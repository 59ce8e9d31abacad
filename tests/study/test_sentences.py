"""Each sentence says what the figures say, and something else where they are otherwise."""

import pandas as pd
import pytest

from oral_cancer.evaluation import tables
from oral_cancer.evaluation.ensembles import Ensembles
from oral_cancer.evaluation.yardsticks import BASELINE, GUESS
from oral_cancer.study import sentences
from oral_cancer.study.sentences import Scale
from tests.evaluation.conftest import make_run


def compositions(**predicted: list[float]) -> pd.DataFrame:
    """Of two classes that mix; by experiment the mean proportions of the first at 0.25, 0.5 and 0.75."""
    rows = [
        (experiment, "simple", False, f"{true} a", true, 1 - true, seen, 1 - seen)
        for experiment, means in predicted.items()
        for true, seen in zip((0.25, 0.5, 0.75), means, strict=True)
    ]
    return pd.DataFrame(rows, columns=["experiment", "ensemble", "calibrated", "mixture", "true_a", "true_b", "a", "b"])


@pytest.mark.parametrize(
    ("predicted", "said"),
    [
        ({"m1": [0.35, 0.5, 0.65]}, "Predictions shrink towards the middle: .* rises by 0.60."),
        ({"m1": [0.15, 0.5, 0.85], "m2": [0.2, 0.5, 0.8]}, "lie further from the middle .* 1.20 to 1.40."),
        ({"m1": [0.26, 0.5, 0.75]}, "neither shrink towards the middle nor"),
        ({"m1": [0.35, 0.5, 0.65], "m2": [0.15, 0.5, 0.85]}, "Experiments differ in whether .* 0.60 to 1.40."),
        ({"m1": [0.35, 0.6, 0.85]}, "neither shrink"),  # a shift is no shrinking
    ],
)
def test_shrinking_is_said_where_it_is_so(predicted: dict[str, list[float]], said: str) -> None:
    assert pd.Series(sentences.of_slopes(compositions(**predicted))).str.contains(said).item()


def test_nothing_is_said_of_slopes_without_mixtures() -> None:
    assert sentences.of_slopes(compositions()) == ""


def differences(*rows: tuple[float, float, int], metric: str = "rmse") -> pd.DataFrame:
    """Of pairs of experiments: p, Holm's p, and seeds."""
    frame = pd.DataFrame(rows, columns=["p", "p_holm", "trainings"])
    return frame.assign(metric=metric, experiment_a="a", experiment_b="b")


NAN = float("nan")


def test_what_is_compared_hangs_on_the_seeds() -> None:
    once = sentences.of_differences(differences((NAN, NAN, 1)))
    assert "these two ensembles on these images" in once
    assert "trained once" in once
    assert "no p" in once
    twice = sentences.of_differences(differences((NAN, NAN, 2)))
    assert "from 2 seeds" in twice
    tested = sentences.of_differences(differences((0.001, 0.002, 3), (0.2, 0.2, 3), metric="accuracy"))
    assert "1 of 2 pairs can be told apart" in tested
    assert "mean accuracy" in tested
    mixed = sentences.of_differences(differences((0.5, 0.5, 3), (NAN, NAN, 1)))
    assert "0 of 1 pair can" in mixed
    assert "In 1 more" in mixed
    assert all("better" not in said for said in (once, twice, tested, mixed))
    assert sentences.of_differences(differences()) == ""


def test_what_the_intervals_do_not_cover() -> None:
    assert "one seed" in Scale(5, 1, 1, (5,)).not_covered()
    assert "few seeds" in Scale(5, 3, 1, (15,)).not_covered()
    assert "folds" not in Scale(1, 1, 1, (1,)).not_covered()


def folds(*runs: tuple[str, int | str, int]) -> pd.DataFrame:
    return pd.DataFrame([(*run, 0) for run in runs], columns=["experiment", "fold", "seed", "split_seed"])


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ([("m1", 0, 0)], "trained once"),
        ([("m1", "all", 0)], "trained once"),
        ([("m1", 0, 0), ("m1", 1, 0)], "trained on each of 2 folds"),
        ([("m1", 0, 0), ("m1", 1, 0), ("m1", "all", 0)], "trained on each of 2 folds"),
        (
            [("m1", fold, seed) for fold in (0, 1) for seed in (0, 1, 2)],
            "trained on each of 2 folds, from each of 3 seeds",
        ),
        ([("m1", 0, 0), ("m1", 1, 0), ("m1", 0, 1)], "trained in 3 runs"),
        ([("m1", 0, 0), ("m1", 1, 0), ("m2", 0, 0)], "trained in 1 to 2 runs"),
    ],
)
def test_how_often_experiments_were_trained(runs: list[tuple[str, int | str, int]], said: str) -> None:
    assert Scale.of(folds(*runs)).trained() == said


def yardsticks(guess: dict[str, float], baseline: dict[str, float] | None = None) -> pd.DataFrame:
    rows = [
        (name, "test", metric, value)
        for name, figures in ((GUESS, guess), (BASELINE, baseline or {}))
        for metric, value in figures.items()
    ]
    return pd.DataFrame(rows, columns=["experiment", "split", "metric", "mean"])


def test_rmse_is_measured_by_a_guess() -> None:
    assert sentences.of_rmse("abc", yardsticks({"rmse": 0.3})).endswith("the mean of the training mixtures has 0.300.")
    assert sentences.of_rmse("abc", yardsticks({})).endswith("1.41 the most there can be.")


def test_what_a_guess_reaches_is_no_merit() -> None:
    rows = [("m1", "test", "rmse", 0.31), ("m2", "test", "rmse", 0.2), ("m1", "test", "accuracy", 0.9)]
    summary = pd.DataFrame(rows, columns=["experiment", "split", "metric", "mean"])
    said = sentences.of_guess(summary, yardsticks({"rmse": 0.3, "accuracy": 1 / 3}))
    assert said == "No nearer to the truth than a guess: m1 by test RMSE, where a guess has 0.300."
    assert sentences.of_guess(summary, yardsticks({"rmse": 0.32, "accuracy": 1 / 3})) == ""


@pytest.mark.parametrize(
    ("accuracy", "rmse", "said"),
    [
        (0.95, 0.28, ["test accuracy 0.950 where the best experiment has 0.980"]),
        (0.5, 0.16, ["test RMSE 0.160 where the best experiment has 0.150"]),
        (0.5, 0.28, []),
        (0.2, 0.5, []),  # worse than a guess
        (0.99, 0.1, ["accuracy", "RMSE"]),
    ],
)
def test_a_baseline_near_the_networks_is_a_warning(accuracy: float, rmse: float, said: list[str]) -> None:
    summary = pd.DataFrame(
        [("m1", "test", "accuracy", 0.9), ("m2", "test", "accuracy", 0.98), ("m2", "test", "rmse", 0.15)],
        columns=["experiment", "split", "metric", "mean"],
    )
    measured = yardsticks({"accuracy": 1 / 3, "rmse": 0.3}, {"accuracy": accuracy, "rmse": rmse})
    warning = sentences.of_baseline(summary, measured)
    assert bool(warning) == bool(said)
    assert all(one in warning for one in said)
    assert ("lighting or background" in warning) == bool(said)
    assert sentences.of_baseline(summary, yardsticks({"accuracy": 1 / 3})) == ""


def test_a_baseline_near_the_networks_in_validation_alone_is_a_warning_too() -> None:
    summary = pd.DataFrame([("m1", "val", "accuracy", 1.0)], columns=["experiment", "split", "metric", "mean"])
    measured = yardsticks({"accuracy": 1 / 3}, {"accuracy": 0.999})
    assert sentences.of_baseline(summary, measured) == ""
    assert "validation accuracy 0.999" in sentences.of_baseline(summary, measured.assign(split="val"))


def test_a_baseline_is_near_no_network_that_is_worse_than_a_guess() -> None:
    summary = pd.DataFrame([("m1", "test", "rmse", 0.31)], columns=["experiment", "split", "metric", "mean"])
    assert sentences.of_baseline(summary, yardsticks({"rmse": 0.3}, {"rmse": 0.33})) == ""


def test_the_bound_is_spoken_of_where_it_is_reached() -> None:
    right = make_run(noise=0.01)
    found = tables.ensemble(Ensembles.of(right), 50)
    assert "all 18 pure test images are right" in sentences.of_bounds(found)
    assert "begins at 0.824" in sentences.of_bounds(found)
    assert sentences.of_bounds(tables.ensemble(Ensembles.of(make_run(noise=4.0)), 50)) == ""


def test_the_worst_group_is_named() -> None:
    rows = [("m1", "test", "d1", 9, 0.9, 0.1), ("m1", "test", "d2", 7, 0.5, 0.2), ("m2", "test", "d1", 9, 0.1, 0.9)]
    groups = pd.DataFrame(rows, columns=["experiment", "split", "group", "n", "accuracy", "rmse"])
    by_accuracy, by_rmse = sentences.of_groups(groups, "m1")
    assert by_accuracy == "The worst test group by accuracy is d2: 0.500 of 7 images; all groups have 0.500 to 0.900."
    assert "by RMSE is d2: 0.200" in by_rmse
    assert sentences.of_groups(groups, "m2") == []


def test_pure_cultures_have_no_say_in_the_slope() -> None:
    mixtures = compositions(m1=[0.35, 0.5, 0.65])
    pure = mixtures.iloc[:1].assign(mixture="a", true_a=1.0, true_b=0.0, a=1.0, b=0.0)
    assert sentences.of_slopes(pd.concat([mixtures, pure])) == sentences.of_slopes(mixtures)


DIFFER = (
    "Test images differ from the training's more than the folds do; read figures of new cultures by the test column."
)
ALIKE = "Test images are about as near to the training's as the folds are; of cultures unlike them that says nothing."
A_LITTLE = (
    "Test images are a little further from the training's than the folds are; read figures of new cultures by the test "
    "column."
)
NOT_TOLD = (
    "That is no more than the trainings differ by: whether test images are further from the training's than the folds "
    "are is not told; of cultures unlike them that says nothing."
)
EASIER = "Test images are easier than those of validation; figures of new cultures can be worse than either."
NO_GROUPS = pd.DataFrame(columns=["experiment", "split", "group", "n", "accuracy", "rmse"])


def by_split(validated: float, sd: float, tested: float, metric: str = "rmse") -> pd.DataFrame:
    """Figures of four trainings: the standard error of a difference is half the root of both squared SDs."""
    rows = [("m1", "val", metric, validated, sd), ("m1", "test", metric, tested, sd), ("m2", "val", "rmse", 9.0, 0.0)]
    return pd.DataFrame(rows, columns=["experiment", "split", "metric", "mean", "sd"]).assign(n_runs=4)


@pytest.mark.parametrize(
    ("validated", "sd", "tested", "meaning"),
    [
        (0.2, 0.01, 0.251, DIFFER),
        (0.2, 0.01, 0.249, A_LITTLE),  # under 1.25 times
        (0.2, 0.01, 0.215, A_LITTLE),
        (0.2, 0.01, 0.214, NOT_TOLD),  # below two standard errors
        (0.2, 0.1, 0.342, DIFFER),
        (0.2, 0.1, 0.341, NOT_TOLD),
        (0.2, NAN, 0.251, DIFFER.replace(" more than the folds do", "")),  # trained once
        (0.2, NAN, 0.249, ALIKE),
        (0.2, 0.01, 0.159, EASIER),
        (0.2, 0.01, 0.161, ALIKE),
    ],
)
def test_what_the_test_says_of_new_cultures(validated: float, sd: float, tested: float, meaning: str) -> None:
    said = sentences.of_test(by_split(validated, sd, tested), NO_GROUPS, "m1")
    figures = f"In the test m1 has an RMSE of {tested:.3f}, in validation of {validated:.3f}"
    assert said == f"{figures}: {tested / validated:.2g} times as large. {meaning}"


def test_a_test_as_far_off_as_validation_is_not_called_one_times_as_large() -> None:
    said = sentences.of_test(by_split(0.2, 0.01, 0.201), NO_GROUPS, "m1")
    assert said.startswith("In the test m1 has an RMSE of 0.201, in validation of 0.200: as large. ")


def test_where_nothing_mixes_the_test_stands_against_validation_by_what_f1_lacks() -> None:
    said = sentences.of_test(by_split(0.9, 0.01, 0.8, "f1_macro"), NO_GROUPS, "m1")
    assert said.startswith("In the test m1 has a macro F1 of 0.800, in validation of 0.900: an error 2 times as large.")
    assert said.endswith(DIFFER)
    perfect = sentences.of_test(by_split(1.0, 0.0, 0.8, "f1_macro"), NO_GROUPS, "m1")
    assert perfect == f"In the test m1 has a macro F1 of 0.800, in validation of 1.000. {DIFFER}"
    assert sentences.of_test(by_split(1.0, 0.0, 1.0, "f1_macro"), NO_GROUPS, "m1").endswith(NOT_TOLD)


def test_without_test_or_validation_nothing_is_said_of_them() -> None:
    both = by_split(0.2, 0.01, 0.4)
    for split in ("val", "test"):
        assert sentences.of_test(both[both["split"] == split], NO_GROUPS, "m1") == ""
    assert sentences.of_test(both, NO_GROUPS, "m2") == ""


def test_the_test_stands_against_validation_by_group() -> None:
    rows = [("val", "d1", 0.95, 0.1), ("val", "d2", 0.85, 0.3), ("test", "d3", 0.8, 0.2), ("test", "d4", 0.7, 0.5)]
    groups = pd.DataFrame(rows, columns=["split", "group", "accuracy", "rmse"]).assign(experiment="m1", n=9)
    said = sentences.of_test(by_split(0.2, 0.01, 0.4), groups, "m1")
    assert said.endswith(
        f"{DIFFER} By group, the RMSE in the test is 1 times (d3) to 2.5 times (d4) the mean of the groups that "
        "validate, which have 0.5 to 1.5 times that mean themselves."
    )
    pure = sentences.of_test(by_split(0.9, 0.01, 0.8, "f1_macro"), groups.assign(rmse=NAN), "m1")
    assert "the share of wrong images in the test is 2 times (d3) to 3 times (d4)" in pure
    for lacking in (
        groups[groups["split"] == "test"],
        groups[groups["split"] == "val"],
        groups.assign(experiment="m2"),
    ):
        assert "By group" not in sentences.of_test(by_split(0.2, 0.01, 0.4), lacking, "m1")
    one = groups[groups["group"] != "d4"]
    assert "in the test is 1 times (d3) the mean" in sentences.of_test(by_split(0.2, 0.01, 0.4), one, "m1")
