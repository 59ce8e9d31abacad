"""What a study's page says first: who is first, what can be told apart, how far compositions are off."""

from collections.abc import Mapping, Sequence

import pandas as pd

from oral_cancer.counting import counted
from oral_cancer.evaluation.bootstrap import LEVEL
from oral_cancer.evaluation.comparison import LEAST
from oral_cancer.evaluation.ensembles import SIMPLE
from oral_cancer.pages.figures import FIGURE_NAMES
from oral_cancer.pages.grids import mean_sd, number, with_interval
from oral_cancer.study.aggregate import GROUPS, ranked_by
from oral_cancer.study.sentences import of_baseline, of_few_groups, of_guess, of_test


def conclusions(tables: Mapping[str, pd.DataFrame], experiments: Sequence[str]) -> list[str]:
    """Sentences that follow from the tables of a study.

    Args:
        tables: of the study, by name.
        experiments: in their order by validation.
    """
    said = [
        _first(tables, experiments),
        of_test(tables["summary"], tables.get(GROUPS), experiments[0]),
        of_guess(tables["summary"], tables["yardsticks"]),
        of_baseline(tables["summary"], tables["yardsticks"]),
        _told_apart(tables["differences"]),
        _compositions(tables, experiments[0]),
    ]
    return [sentence for sentence in said if sentence]


def _first(tables: Mapping[str, pd.DataFrame], experiments: Sequence[str]) -> str:
    summary, metric = tables["summary"], ranked_by(tables["summary"])
    validated = summary[(summary["split"] == "val") & (summary["metric"] == metric)].set_index("experiment")
    named = FIGURE_NAMES[metric]
    of = dict(zip(validated.index, map(mean_sd, validated["mean"], validated["sd"]), strict=True))
    ranked = [name for name in experiments if name in of]
    means = dict(zip(validated.index, map(number, validated["mean"]), strict=True))
    best = means[ranked[0]] if ranked else ""
    even = [name for name in ranked if means[name] == best]
    if len(even) > 1:
        said = (
            f"By validation {named}, {', '.join(even[:-1])} and {even[-1]} are even with {best}; {even[0]} stands first"
        )
    elif len(ranked) > 1:
        said = (
            f"By validation {named}, {ranked[0]} is first with {of[ranked[0]]}, before {ranked[1]} with {of[ranked[1]]}"
        )
    elif ranked:
        said = f"{ranked[0]} has a validation {named} of {of[ranked[0]]}"
    else:
        said = f"No experiment has validation figures, and none is first; {experiments[0]} stands for them"
    first = tables["ensemble"]
    first = first[(first["experiment"] == experiments[0]) & (first["ensemble"] == SIMPLE)]
    if first.empty:
        return f"{said}. No images were set aside to test."
    row = first.iloc[0]
    tested = [
        f"{figure} {with_interval(row[column], row[f'{column}_low'], row[f'{column}_high'])}"
        for column, figure in (("accuracy", "accuracy"), ("rmse", "RMSE"))
        if pd.notna(row[column])
    ]
    said = f"{said}. On the test images, which have no say there, its ensemble has {', '.join(tested)}."
    return " ".join([said, *of_few_groups(tables.get(GROUPS), experiments[0])])


def _told_apart(differences: pd.DataFrame) -> str:
    if differences.empty:
        return ""
    tested = differences[differences["p"].notna()]
    if tested.empty:
        return (
            "Whether experiments differ cannot be told from so few trainings: under "
            f"{LEAST} seeds the differences below are of these ensembles on these images."
        )
    clear = tested[tested["p_holm"] < 1 - LEVEL]
    pairs = [f"{row.experiment_a} and {row.experiment_b}" for row in clear.itertuples()]
    if not pairs:
        made = counted(len(tested), "comparison")
        return f"No two experiments can be told apart, over trainings and test images, in {made}."
    rest = counted(len(tested) - len(pairs), "other pair")
    return f"Told apart are {'; '.join(pairs)}{f'; not so {rest}' if len(tested) > len(pairs) else ''}."


def _compositions(tables: Mapping[str, pd.DataFrame], first: str) -> str:
    table = tables["estimators"]
    chosen = table[(table["experiment"] == first) & table["headline"].astype(bool)]
    if chosen.empty or chosen["test_mixtures"].isna().all():
        return ""
    row = chosen.iloc[0]
    of = (("test_mixtures", "mixtures"), ("test_pure", "pure cultures"))
    off = " and ".join(f"{number(row[column])} in {kind}" for column, kind in of if pd.notna(row[column]))
    held = ""
    if pd.notna(row["covered"]):
        held = f"; {row['covered']:.0%} of the true proportions lie within their intervals, "
        held += f"whose median width is {number(row['width'])}"
    return f"Compositions by {first} are off by {off} (mean error of a proportion on the test images){held}."
