"""Files that are cut or have a bit flipped are noticed and named, and made again where they can be."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oral_cancer.errors import UserError
from oral_cancer.evaluation.predictions import read_predictions
from oral_cancer.files import sealed, unsealed
from oral_cancer.study.report import write_report
from oral_cancer.study.runs import find_runs, read_study
from oral_cancer.training.manifest import read_manifest, write_manifest
from tests.faults.harm import QUICK, harmed
from tests.study.processes import files, run

FIGURES = ("*/fold=[0-9]/predictions.csv", "*/fold=[0-9]/metrics.json", "tables/*.csv")  # not what was moved beside


def flip(path: Path, at: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 4
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def interrupt(run: Path) -> None:
    """Let a finished run look like one that was killed after its last epoch."""
    manifest = read_manifest(run)
    assert manifest is not None
    write_manifest(run, manifest | {"status": "running"})
    for name in ("predictions.csv", "metrics.json"):
        (run / name).unlink()


@pytest.mark.slow
@pytest.mark.parametrize("harm", [flip, cut])
def test_starting_a_study_again_names_what_is_damaged_and_makes_it_anew(
    again: Path, undisturbed: Path, images_root: Path, harm
) -> None:
    study = again / "outputs" / "studies" / "paper"
    harm(study / "m1" / "fold=0" / "manifest.json")
    harm(study / "m1" / "fold=1" / "predictions.csv")
    harm(study / "m4" / "fold=0" / "metrics.json")
    interrupt(study / "m4" / "fold=1")
    harm(study / "m4" / "fold=1" / "checkpoints" / "last.ckpt")
    (pixels,) = again.glob("outputs/store/*/images-*.npy")
    harm(pixels)
    done = run(images_root, again)
    assert done.returncode == 0, done.stdout + done.stderr
    logs = [path.read_text() for path in study.glob("*/*.log")]
    said = "".join([done.stdout, done.stderr, *logs]).replace("\n", "")
    assert "m1/fold=0 held another training: its manifest.json is damaged" in said
    assert "m1/fold=1/predictions.csv is damaged" in said
    assert "m4/fold=0/metrics.json is damaged" in said
    assert "m4/fold=1/checkpoints/last.ckpt is damaged; the training starts anew" in said
    assert "image store: " in said
    assert "damaged" in said.partition("image store: ")[2]
    assert files(study, *FIGURES) == files(undisturbed / "outputs" / "studies" / "paper", *FIGURES)


@pytest.mark.slow
@pytest.mark.parametrize("harm", [flip, cut])
def test_a_damaged_plan_is_refused_with_the_remedy(again: Path, images_root: Path, harm) -> None:
    plan = again / "outputs" / "studies" / "paper" / "study.yaml"
    harm(plan)
    done = run(images_root, again)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "study.yaml is damaged" in line
    assert "delete it and start the study again" in line
    plan.unlink()
    assert run(images_root, again).returncode == 0


def test_tables_are_not_made_from_damaged_predictions(again: Path) -> None:
    study = again / "outputs" / "studies" / "paper"
    flip(study / "m4" / "fold=1" / "predictions.csv")
    with pytest.raises(UserError, match=r"predictions\.csv is damaged"):
        write_report(read_study(study))


@QUICK
@given(st.data())
def test_no_damage_to_a_manifest_goes_unnoticed(tmp_path_factory, data: st.DataObject) -> None:
    run = tmp_path_factory.getbasetemp() / "study" / "m1" / "fold=0"
    content = {"status": "complete", "seconds": 1.5, "config": {"name": "m1", "rates": [7e-05, 2e-05]}, "seed": 0}
    write_manifest(run, content)
    path = run / "manifest.json"
    path.write_bytes(data.draw(harmed(path.read_bytes())))
    read = read_manifest(run)
    assert read is None or read == content  # a line end or a space may differ
    (found,) = find_runs(run.parents[1])
    assert found.status == ("damaged" if read is None else "complete")


@QUICK
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    )
)
def test_what_is_sealed_is_unsealed_and_nothing_else_is(content) -> None:
    whole = sealed({"content": content})
    assert unsealed(whole) == {"content": content}
    with pytest.raises(ValueError, match="checksum"):
        unsealed(whole | {"more": 1})
    with pytest.raises(ValueError, match="checksum"):
        unsealed(content)


@QUICK
@given(st.data())
def test_a_damaged_table_of_predictions_is_read_rightly_or_refused(
    undisturbed: Path, tmp_path_factory, data: st.DataObject
) -> None:
    """Not by its hash, which only a run has: by its content."""
    whole = undisturbed / "outputs" / "studies" / "paper" / "m1" / "fold=0" / "predictions.csv"
    path = tmp_path_factory.getbasetemp() / "predictions.csv"
    path.write_bytes(data.draw(harmed(whole.read_bytes())))
    try:
        frame = read_predictions(path)
    except UserError as refusal:
        assert all(str(path) in line and "\n" not in line for line in refusal.lines)  # noqa: PT017
        return
    figures = frame[["parental", "resistant", "control"]].to_numpy()
    assert ((figures >= 0) & (figures <= 1)).all()
    assert abs(figures.sum(axis=1) - 1).max() < 2e-3
    assert isinstance(frame, pd.DataFrame)
