"""The plot of estimated shares against true ones says what the table holds."""

import pandas as pd

from oral_cancer.study.composition_plots import against_truth


def test_estimates_stand_against_the_truth_of_the_class_that_varies_most() -> None:
    rows = [
        ("m1", "simple", name, calibrated, true, 1 - true, 0.0, seen, 1 - seen, 0.0)
        for name, true, raw, estimate in (("1:3", 0.25, 0.4, 0.27), ("3:1", 0.75, 0.6, 0.74))
        for calibrated, seen in ((False, raw), (True, estimate))
    ]
    shares = ["a", "b", "c"]
    columns = ["experiment", "ensemble", "mixture", "calibrated", *(f"true_{name}" for name in shares), *shares]
    table = pd.DataFrame(rows, columns=columns)
    for name in shares:
        table[f"{name}_low"], table[f"{name}_high"] = table[name] - 0.1, table[name] + 0.1
    (panel,) = against_truth(table, ["m1", "absent"])
    assert panel.description.endswith("Share of a, true and estimated by m1: 1:3 0.25 0.27, 3:1 0.75 0.74")
    (axes,) = panel.figure.axes
    assert axes.get_xlabel() == "true share of a"
    assert len(axes.lines) == 1 + 2 + 4  # the diagonal, two intervals, raw mean and estimate of two cultures
