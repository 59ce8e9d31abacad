"""Reading a study: which runs there are, and which do not belong together."""

import shutil

import pytest
import yaml

from oral_cancer.errors import UserError
from oral_cancer.files import sealed
from oral_cancer.study.runs import find_runs, read_study
from oral_cancer.training.manifest import write_manifest
from tests.study.made_up import write_plan, write_run, write_study, written_before


def test_runs_come_in_natural_order_united_with_the_plan(tmp_path):
    write_study(tmp_path, ["m10", "m2"], [10, 9])
    write_run(tmp_path, "m2", "all", status="running")
    (tmp_path / "m2" / "fold=9.1").mkdir()  # what a new training has moved beside
    write_plan(tmp_path, ("m1", 0), ("m2", 9))
    found = [(run.name, run.status) for run in find_runs(tmp_path)]
    assert found == [
        ("m1/fold=0", "absent"),
        ("m2/fold=9", "complete"),
        ("m2/fold=10", "complete"),
        ("m2/fold=all", "running"),
        ("m10/fold=9", "complete"),
        ("m10/fold=10", "complete"),
    ]


def test_a_folder_without_manifest_lacks(tmp_path):
    (tmp_path / "m1" / "fold=0").mkdir(parents=True)
    (run,) = find_runs(tmp_path)
    assert (run.status, run.manifest, run.fault) == ("absent", None, "not started")


def test_finished_runs_are_read_under_the_name_of_their_folder(tmp_path):
    write_study(tmp_path, ["m1", "m2"], [0, 1])
    (tmp_path / "m2").rename(tmp_path / "m2-large")
    write_run(tmp_path, "m3", 0, status="failed", error="OSError: no space\nleft")
    study = read_study(tmp_path)
    runs = [("m1", 0), ("m1", 1), ("m2-large", 0), ("m2-large", 1)]
    assert list(study.predictions.groupby(["experiment", "fold"], sort=False).groups) == runs
    assert list(study.histories.groupby(["experiment", "fold"], sort=False).groups) == runs
    assert study.faults == ["m3/fold=0: failed: OSError: no space"]
    assert not study.simulated


def test_simulated(tmp_path):
    assert read_study(write_study(tmp_path, ["m1"], [0], source="simulated")).simulated


def refusal(study) -> str:
    with pytest.raises(UserError) as fault:
        read_study(study).predictions.empty  # noqa: B018
    (line,) = fault.value.lines
    assert "\n" not in line
    return line


def test_no_such_folder(tmp_path):
    assert "there is no such folder" in refusal(tmp_path / "paper")


def test_no_run(tmp_path):
    assert "holds no run" in refusal(tmp_path)


def test_no_finished_run(tmp_path):
    write_run(tmp_path, "m1", 0, status="failed", error="OSError: no space")
    assert "none of 1 run is finished (m1/fold=0 failed: OSError: no space)" in refusal(tmp_path)


@pytest.mark.parametrize(
    "content",
    ["runs: 5", "runs: [{experiment: m1}]", "name: paper", "runs: [", "cells: [{model: m1}]", "[]"],
)
def test_an_unreadable_plan(tmp_path, content):
    write_run(tmp_path, "m1", 0)
    (tmp_path / "study.yaml").write_text(content)
    assert f"{tmp_path / 'study.yaml'} is damaged" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            {"source": "simulated"},
            "different images: real (fingerprint ffffffff) in m1/fold=0, m1/fold=1; "
            "simulated (fingerprint ffffffff) in m2/fold=0;",
        ),
        ({"fingerprint": "a" * 64}, "real (fingerprint aaaaaaaa) in m2/fold=0;"),
        ({"weights": "random"}, "different weights: imagenet in m1/fold=0, m1/fold=1; random in m2/fold=0;"),
        ({"precision": "bf16-mixed"}, "different precisions: 32-true in m1/fold=0, m1/fold=1; bf16-mixed in m2/fold"),
        ({"augmented_on": "device"}, "devices of augmentation: cpu in m1/fold=0, m1/fold=1; device in m2/fold=0;"),
    ],
)
def test_what_does_not_belong_together_is_refused_by_name(tmp_path, facts, expected):
    write_study(tmp_path, ["m1"], [0, 1])
    write_run(tmp_path, "m2", 0, **facts)
    assert expected in refusal(tmp_path)


def test_what_the_settings_tell_apart_may_stand_side_by_side(tmp_path):
    write_run(tmp_path, "m1", 0)
    settings = {"trainer": {"precision": "bf16-mixed"}, "augmentation": {"transforms": []}}
    write_run(tmp_path, "m2", 0, config=settings, precision="bf16-mixed", augmented_on="device")
    assert len(read_study(tmp_path).complete) == 2


def test_an_unfinished_run_may_differ(tmp_path):
    write_run(tmp_path, "m1", 0)
    write_run(tmp_path, "m2", 0, status="failed", error="x", weights="random")
    assert len(read_study(tmp_path).lacking) == 1


def test_different_files_of_one_kind_of_weights_belong_together(tmp_path):
    write_run(tmp_path, "m1", 0, weights="imagenet (a)")
    write_run(tmp_path, "m2", 0, weights="imagenet (b)")
    assert len(read_study(tmp_path).complete) == 2


def test_predictions_of_another_fold(tmp_path):
    write_study(tmp_path, ["m1"], [0])
    shutil.move(tmp_path / "m1" / "fold=0", tmp_path / "m1" / "fold=3")
    assert "predictions of fold 0" in refusal(tmp_path)


def test_lost_predictions(tmp_path):
    (write_run(tmp_path, "m1", 0) / "predictions.csv").unlink()
    assert "predictions.csv is missing" in refusal(tmp_path)


def test_of_one_experiment_nothing_of_the_others_is_read(tmp_path):
    write_study(tmp_path, ["m1", "m5"], [0, 1])
    for name in ("predictions.csv", "history.csv"):
        (tmp_path / "m1" / "fold=0" / name).write_text("damaged")
    write_manifest(tmp_path / "m1" / "fold=1", {"status": "complete", "weights": 1})
    study = read_study(tmp_path, "m5")
    assert set(study.predictions["experiment"]) == {"m5"}
    assert len(study.histories) == 4
    assert "weights must be" in refusal(tmp_path)
    with pytest.raises(UserError, match=r"experiment=m2: .* has no such experiment; choose m1, m5"):
        read_study(tmp_path, "m2")


def test_a_study_written_before_is_read(tmp_path):
    before = {"cells": [{"model": "m1", "fold": 0}, {"model": "m1", "fold": 1}]}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(sealed(before)))
    written_before(write_study(tmp_path, ["m1"], [0]))
    study = read_study(tmp_path)
    assert set(study.predictions["experiment"]) == {"m1"}
    assert study.faults == ["m1/fold=1: not started"]
