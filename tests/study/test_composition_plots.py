"""The plot of estimated shares against true ones says what the table holds."""

import pandas as pd

from oral_cancer.study.composition_plots import against_truth, compositions


def test_estimates_of_every_class_stand_against_the_truth() -> None:
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
    said = [
        "1:3 a 0.25 0.27",
        "1:3 b 0.75 0.73",
        "1:3 c 0.00 0.00",
        "3:1 a 0.75 0.74",
        "3:1 b 0.25 0.26",
        "3:1 c 0.00 0.00",
    ]
    assert panel.description.endswith(f"Shares, true and estimated by m1: {', '.join(said)}")
    (axes,) = panel.figure.axes
    points = {
        (float(line.get_xdata()[0]), round(float(line.get_ydata()[0]), 2), line.get_marker())
        for line in axes.lines
        if line.get_marker() != "None"
    }
    assert {(0.25, 0.27, "o"), (0.25, 0.4, "o"), (0.75, 0.73, "s"), (0.75, 0.6, "s"), (0.0, 0.0, "^")} <= points
    assert len(axes.lines) == 1 + 6 + 12  # the diagonal; intervals; raw means and estimates


def test_pure_cultures_alone_have_a_plot_too() -> None:
    columns = ["experiment", "ensemble", "mixture", "calibrated", "true_a", "true_b", "a", "b"]
    rows = [("m1", "simple", "a", False, 1.0, 0.0, 0.9, 0.1), ("m1", "simple", "b", False, 0.0, 1.0, 0.2, 0.8)]
    table = pd.DataFrame(rows, columns=columns)
    for name in ("a", "b"):
        table[f"{name}_low"], table[f"{name}_high"] = table[name] - 0.1, table[name] + 0.1
    (panel,) = compositions(table, ["m1"])
    assert "a raw mean a 0.90" in panel.description
