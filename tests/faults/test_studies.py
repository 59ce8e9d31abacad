"""Whatever happens to the files of a study, its figures are those that were written, or it is refused."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oral_cancer.errors import UserError
from oral_cancer.study.run_record import refuse_damaged
from oral_cancer.study.runs import read_study
from tests.faults.harm import QUICK, harmed
from tests.study.made_up import write_plan, write_study

HARMS = ("change", "empty", "remove", "make a folder of", "swap", "move the run of", "add beside")
ODD_NAMES = ("fold=", "fold=1", "fold=99", "fold=-1", "fold=x", "fold=all", "manifest.json", ".DS_Store", "Thumbs.db")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two models and two folds, with its plan."""
    study = write_study(tmp_path_factory.mktemp("whole") / "study", ("m1", "m2"), (0, 1))
    write_plan(study, *((model, fold) for model in ("m1", "m2") for fold in (0, 1)))
    return study


def harm(study: Path, data: st.DataObject) -> None:
    """Let something happen to one file of a study."""
    files = sorted(path for path in study.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    match data.draw(st.sampled_from(HARMS)):
        case "change":
            path.write_bytes(data.draw(harmed(path.read_bytes() or b"\n")))
        case "empty":
            path.write_bytes(b"")
        case "remove":
            path.unlink()
        case "make a folder of":
            path.unlink()
            path.mkdir()
        case "swap":
            other = data.draw(st.sampled_from(files))
            content = path.read_bytes()
            path.write_bytes(other.read_bytes())
            other.write_bytes(content)
        case "move the run of":
            target = study / data.draw(st.sampled_from(("m1", "m2"))) / data.draw(st.sampled_from(ODD_NAMES))
            if path.parent != study and not target.exists():
                path.parent.rename(target)
        case "add beside":
            target = path.parent / data.draw(st.sampled_from(ODD_NAMES))
            if not target.exists():
                data.draw(st.sampled_from((Path.mkdir, Path.touch)))(target)


def by_run(predictions: pd.DataFrame) -> dict[tuple[str, object], pd.DataFrame]:
    return {run: rows.reset_index(drop=True) for run, rows in predictions.groupby(["experiment", "fold"], sort=False)}


@pytest.mark.slow
@QUICK
@given(st.data())
def test_a_study_is_read_as_it_was_written_or_refused(whole: Path, tmp_path_factory, data: st.DataObject) -> None:
    study = tmp_path_factory.getbasetemp() / "harmed study"
    shutil.rmtree(study, ignore_errors=True)
    shutil.copytree(whole, study)
    for _ in range(data.draw(st.integers(1, 3))):
        harm(study, data)
    written = by_run(read_study(whole).predictions)
    try:
        found = read_study(study)
        refuse_damaged(found.complete)
        read = by_run(found.predictions)
    except UserError as refusal:
        assert all(str(study) in line and "\n" not in line for line in refusal.lines)  # noqa: PT017
        return
    for run, rows in read.items():
        pd.testing.assert_frame_equal(rows, written[run])
    assert {run.name for run in found.complete} == {f"{model}/fold={fold}" for model, fold in read}
    assert found.faults or len(found.complete) == len(written)
