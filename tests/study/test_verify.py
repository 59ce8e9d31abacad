"""scripts/report.py --verify notices every kind of disagreement, and alarms nobody without one."""

import hashlib
import shutil
from pathlib import Path

import pytest

from oral_cancer.evaluation.predictions import read_predictions, write_predictions
from oral_cancer.study.aggregate import csv_of, in_former_words
from oral_cancer.study.report import made_from, write_report
from oral_cancer.study.runs import read_study
from oral_cancer.study.verify import verify_study
from oral_cancer.training.manifest import file_hashes, read_manifest, write_manifest
from scripts.report import main as report
from tests.study.made_up import written_before


@pytest.fixture
def study(undisturbed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(undisturbed / "outputs" / "studies" / "paper", tmp_path / "paper"))


def faults(study: Path) -> dict[str, list[str]]:
    return {finding.what: list(finding.faults) for finding in verify_study(study) if finding.faults}


def first_faults(study: Path, what: str) -> tuple[str, ...]:
    """Those of one thing; what comes after it is not looked at."""
    return next(finding.faults for finding in verify_study(study) if finding.what == what)


def flip(path: Path, at: int = -20) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_a_study_as_it_was_made_agrees(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in study.rglob("*") if path.is_file()}
    report(["--verify", str(study)])
    assert capsys.readouterr().out.splitlines() == [
        *(f"{model}/fold={fold}: 6 files and metrics as trained" for model in ("m1", "m4") for fold in (0, 1)),
        "images: 168 are those that were trained on",
        "tables: 12 are those that the predictions give",
        "page: is the one that the predictions give",
    ]
    assert {path: path.read_bytes() for path in study.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_a_study_that_was_written_before_agrees(study: Path) -> None:
    current = read_study(written_before(study))
    tables, page = write_report(current)
    former = in_former_words(tables)
    for name, table in former.items():
        (study / "tables" / f"{name}.csv").write_text(csv_of(current, table))
    body, _, _ = page.read_text().rpartition("<!-- sha256: ")
    body = body.replace(made_from(current, tables), made_from(current, former))
    page.write_text(f"{body}<!-- sha256: {hashlib.sha256(body.encode()).hexdigest()} -->\n")
    assert (study / "tables" / "folds.csv").read_text().startswith("model,fold,")
    assert faults(study) == {}
    flip(study / "tables" / "summary.csv")
    assert set(faults(study)) == {"tables"}


@pytest.mark.slow
def test_a_table_of_another_version_is_to_be_made_anew(study: Path) -> None:
    path = study / "tables" / "folds.csv"
    lines = [",".join(line.split(",")[:2] + line.split(",")[4:]) for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    (fault,) = first_faults(study, "tables")
    assert fault == f"{path} has the columns of another version; `oral-cancer report {study}` makes it anew"


@pytest.mark.parametrize(
    "file", ["metrics.json", "splits.csv", "features.safetensors", "checkpoints/last.ckpt", "manifest.json"]
)
def test_a_damaged_file_of_a_cell_is_named(study: Path, file: str) -> None:
    run = study / "m1" / "fold=1"
    flip(run / file)
    if file in ("metrics.json", "splits.csv", "features.safetensors"):
        with pytest.raises(Exception, match=f"{file} is damaged"):
            faults(study)
        return
    assert "damaged" in first_faults(study, "m1/fold=1")[0]


@pytest.mark.slow
def test_figures_that_do_not_come_from_the_predictions_are_noticed(study: Path) -> None:
    run = study / "m4" / "fold=0"
    predictions = read_predictions(run / "predictions.csv")
    predictions.loc[0, ["parental", "resistant", "control"]] = [0.25, 0.5, 0.25]
    write_predictions(run / "predictions.csv", predictions)
    manifest = read_manifest(run)
    assert manifest is not None
    write_manifest(run, manifest | {"files": file_hashes(run)})  # a forger who knows the seals
    found = faults(study)
    assert set(found) == {"m4/fold=0", "tables", "page"}
    assert "not what predictions.csv gives" in found["m4/fold=0"][0]
    assert any("folds.csv is not what the predictions give" in fault for fault in found["tables"])
    assert "made from other tables" in found["page"][0]


@pytest.mark.slow
def test_a_table_or_a_page_that_was_edited_is_noticed(study: Path) -> None:
    flip(study / "tables" / "summary.csv")
    (study / "tables" / "folds.csv").unlink()
    flip(study / "report.html", 5000)
    found = faults(study)
    assert set(found) == {"tables", "page"}
    assert len(found["tables"]) == 2
    assert "has been edited" in found["page"][0]


@pytest.mark.slow
def test_other_images_are_noticed_and_absent_ones_are_no_fault(study: Path, images_root: Path, tmp_path: Path) -> None:
    root = tmp_path / "images"
    for path in study.glob("*/*/manifest.json"):
        write_manifest(path.parent, (read_manifest(path.parent) or {}) | {"root": str(root)})
    shutil.copytree(images_root, root)
    image = next(path for path in sorted(root.rglob("*.png")))
    moved = image.rename(tmp_path / image.name)
    assert f"{image} is missing" in first_faults(study, "images")[0]
    moved.rename(image)
    root.rename(tmp_path / "moved")
    assert faults(study) == {}


@pytest.mark.slow
def test_the_command_ends_with_every_fault(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flip(study / "tables" / "summary.csv")
    with pytest.raises(SystemExit) as ended:
        report(["--verify", str(study)])
    assert ended.value.code == 1
    captured = capsys.readouterr()
    assert "tables: DOES NOT AGREE" in captured.out
    assert captured.err == f"error: {study / 'tables' / 'summary.csv'} is not what the predictions give\n"
