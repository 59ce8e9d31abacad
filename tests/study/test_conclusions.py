"""The first sentences of a page follow from its tables, and change with them."""

import pandas as pd
import pytest

from oral_cancer.study.conclusions import conclusions


@pytest.fixture
def tables() -> dict[str, pd.DataFrame]:
    """Two experiments of which the second is first by validation, told apart in no way, with compositions."""
    summary = [("m1", "val", "rmse", 0.3, 0.02, 5), ("m5", "val", "rmse", 0.1, 0.01, 5)]
    ensemble = [("m1", "simple", 0.9, 0.8, 0.95, 0.25, 0.2, 0.3), ("m5", "simple", 1.0, 0.98, 1.0, 0.15, 0.12, 0.18)]
    figures = ["accuracy", "accuracy_low", "accuracy_high", "rmse", "rmse_low", "rmse_high"]
    differences = [("m1", "m5", 0.1, 0.0, 0.2, float("nan"), float("nan"))]
    estimators = [
        ("m5", "raw", False, 0.06, 0.05, *[float("nan")] * 2),
        ("m5", "dirichlet", True, 0.031, 0.061, 0.92, 0.2),
    ]
    return {
        "summary": pd.DataFrame(summary, columns=["experiment", "split", "metric", "mean", "sd", "n_runs"]),
        "ensemble": pd.DataFrame(ensemble, columns=["experiment", "ensemble", *figures]),
        "groups": pd.DataFrame(columns=["experiment", "split", "group", "n", "accuracy", "rmse"]),
        "yardsticks": pd.DataFrame(
            [("(guess)", "val", "rmse", 0.2)], columns=["experiment", "split", "metric", "mean"]
        ),
        "differences": pd.DataFrame(
            differences, columns=["experiment_a", "experiment_b", "difference", "low", "high", "p", "p_holm"]
        ),
        "estimators": pd.DataFrame(
            estimators,
            columns=["experiment", "estimator", "headline", "test_mixtures", "test_pure", "covered", "width"],
        ),
    }


def test_who_is_first_what_is_not_known_and_how_far_off(tables: dict[str, pd.DataFrame]) -> None:
    first, guess, apart, off = conclusions(tables, ["m5", "m1"])
    assert first.startswith("By validation RMSE, m5 is first with 0.100 (0.010), before m1 with 0.300 (0.020).")
    assert first.endswith("its ensemble has accuracy 1.000 [0.980, 1.000], RMSE 0.150 [0.120, 0.180].")
    assert guess == "No nearer to the truth than a guess: m1 by validation RMSE, where a guess has 0.200."
    assert "cannot be told from so few trainings" in apart
    assert off.startswith("Compositions by m5 are off by 0.031 in mixtures and 0.061 in pure cultures")
    assert "92% of the true proportions" in off
    assert off.endswith("whose median width is 0.200.")


def test_of_those_that_are_even_none_is_called_better(tables: dict[str, pd.DataFrame]) -> None:
    tables["summary"] = tables["summary"].assign(mean=0.1)
    first = conclusions(tables, ["m5", "m1"])[0]
    assert first.startswith("By validation RMSE, m5 and m1 are even with 0.100; m5 stands first. On the test images,")


@pytest.mark.parametrize(
    ("n_groups", "said"),
    [(0, ""), (1, "all of one group: the intervals"), (2, "of 2 groups: from fewer than 10, intervals"), (10, "")],
)
def test_few_test_groups_are_said(tables: dict[str, pd.DataFrame], n_groups: int, said: str) -> None:
    rows = [("m5", "test", f"d{k}", 9, 1.0, 0.15) for k in range(n_groups)] + [("m5", "val", "v", 9, 1.0, 0.1)]
    tables["groups"] = pd.DataFrame(rows, columns=tables["groups"].columns)
    first = conclusions(tables, ["m5", "m1"])[0]
    assert said in first
    assert first.endswith("narrow." if n_groups == 2 else "of other groups." if n_groups == 1 else "0.180].")


def test_validation_stands_against_the_test(tables: dict[str, pd.DataFrame]) -> None:
    tested = pd.DataFrame([("m5", "test", "rmse", 0.3, 0.02, 5)], columns=tables["summary"].columns)
    tables["summary"] = pd.concat([tables["summary"], tested])
    said = conclusions(tables, ["m5", "m1"])[1]
    assert said.startswith("In the test m5 has an RMSE of 0.300, in validation of 0.100: 3 times as large.")


@pytest.mark.parametrize(
    ("p_holm", "said"), [(0.01, "Told apart are m1 and m5."), (0.2, "No two experiments can be told apart")]
)
def test_what_was_tested_is_said(tables: dict[str, pd.DataFrame], p_holm: float, said: str) -> None:
    tables["differences"] = tables["differences"].assign(p=p_holm, p_holm=p_holm)
    assert conclusions(tables, ["m5", "m1"])[2].startswith(said)


def test_one_experiment_without_tests_or_mixtures(tables: dict[str, pd.DataFrame]) -> None:
    alone = {name: table.iloc[:0] for name, table in tables.items()}
    alone["summary"] = pd.DataFrame([("cv", "val", "f1_macro", 0.8, 0.1, 5)], columns=tables["summary"].columns)
    assert conclusions(alone, ["cv"]) == [
        "cv has a validation macro F1 of 0.800 (0.100). No images were set aside to test."
    ]


def test_where_nothing_mixes_nothing_is_said_of_compositions(tables: dict[str, pd.DataFrame]) -> None:
    pure = tables | {"estimators": tables["estimators"].assign(test_mixtures=float("nan"))}
    assert not any("Compositions" in sentence for sentence in conclusions(pure, ["m5", "m1"]))
