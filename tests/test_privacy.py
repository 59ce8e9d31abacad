"""`private=true`: no absolute path, no computer's name and no picture of an image on pages and cards."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from oral_cancer.cli import main
from oral_cancer.inference.members import choose_runs, resizing
from oral_cancer.inference.model_card import model_card
from oral_cancer.privacy import THIS_COMPUTER, redacted
from oral_cancer.study.plan import freeze, read_plan
from oral_cancer.study.report import write_report
from oral_cancer.study.runs import Study, read_study
from oral_cancer.training.manifest import read_manifest, write_manifest
from tests.study.made_up import few_resamples, write_study
from tests.study.test_plan import plan

HOST = "pathology-ws7"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/home/ann/cells", "cells"),
        ("/cells", "cells"),
        ("file /srv/My weights/b3.pth (sha256 ab12)", "file b3.pth (sha256 ab12)"),
        ("[Errno 2] No such file or directory: '/home/ann b/x.png'", "[Errno 2] No such file or directory: 'x.png'"),
        ("source.root=/data/a,/data/b", "source.root=b"),
        ("file:///home/ann/own.yaml", "file:own.yaml"),
        (r"C:\Users\ann\cells", "cells"),
        (r"\\server\share\cells", "cells"),
        ("~/cells/a.png is empty", "a.png is empty"),
        (f"in use by process 7 on {HOST}", f"in use by process 7 on {THIS_COMPUTER}"),
        ("m1/fold=3: HOMO / HETERO 1/2, 3:1, a/b.png", "m1/fold=3: HOMO / HETERO 1/2, 3:1, a/b.png"),
    ],
)
def test_of_a_path_the_last_part_stays(text: str, said: str) -> None:
    assert redacted({"a": [text, 1, None]}, HOST) == {"a": [said, 1, None]}


def folders_named(text: str, *folders: Path) -> list[str]:
    return [name for name in (HOST, socket.gethostname(), *map(str, folders)) if f"{name}" in text and len(name) > 3]


def mark(study: Path, **facts: object) -> Path:
    """A study whose runs were trained privately on the computer HOST."""
    for folder in study.glob("*/fold=*"):
        manifest = read_manifest(folder)
        assert manifest is not None
        config = manifest["config"] | {"private": True}
        write_manifest(folder, manifest | {"host": HOST, "config": config} | facts)
    return study


def test_a_private_studys_page_shows_neither_folders_nor_images(study: Path, images_root: Path) -> None:
    with few_resamples():
        write_report(read_study(study))
        shown = (study / "report.html").read_text()
        assert "data:image/jpeg" in shown
        assert str(images_root) in shown
        mark(study, weights=f"file {images_root}/w.pth", remarks=[f"warning: {images_root}/a.png is odd, on {HOST}"])
        broken = study / "m2" / "fold=2"
        broken.mkdir()
        write_manifest(broken, {"status": "failed", "error": f"OSError: {images_root}/a.png", "host": HOST})
        tables, _ = write_report(read_study(study))
    page = (study / "report.html").read_text()
    assert len(tables) > 3
    assert "failed: OSError: a.png" in page
    assert "not shown: the study is private" in page
    assert "data:image/jpeg" not in page
    assert folders_named(page, images_root, study) == []


def test_predictions_of_a_private_study_or_those_asked_for_show_neither(
    study: Path, images_root: Path, tmp_path: Path
) -> None:
    images = next(images_root.iterdir())
    main(["predict", str(study), f"images={images}", f"out={tmp_path / 'open'}"])
    assert "data:image/jpeg" in (tmp_path / "open" / "predictions.html").read_text()
    main(["predict", str(study), f"images={images}", f"out={tmp_path / 'asked'}", "private=true"])
    page = (tmp_path / "asked" / "predictions.html").read_text()
    assert "data:image/jpeg" not in page
    assert images.name in page
    assert folders_named(page, images_root, study) == []


def test_explanations_are_files_and_not_on_the_page(study: Path, images_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    main(["explain", str(mark(study)), f"out={out}", "per_class=1", "wandb=false"])
    page = (out / "index.html").read_text()
    assert "<img" not in page
    assert folders_named(page, images_root, study) == []
    assert list(out.rglob("*-sheet-*.png"))


def test_a_private_models_card_names_no_folder(study: Path, images_root: Path) -> None:
    found, runs = choose_runs(study, "m2")
    assert str(images_root) in model_card(found, runs, resizing(runs), {})
    private = replace(found, private=True)
    assert folders_named(model_card(private, runs, resizing(runs), {}), images_root, study) == []


def test_a_study_becomes_private_when_it_is_asked_for_at_any_start(tmp_path: Path) -> None:
    freeze(tmp_path, plan())
    for private, then in ((False, False), (True, True), (False, True)):
        freeze(tmp_path, replace(plan(), private=private))
        found = read_plan(tmp_path)
        assert found is not None
        assert found.private == then


def test_what_is_not_private_is_said_as_it_is(tmp_path: Path) -> None:
    found = read_study(write_study(tmp_path / "study", ["m1"], [0]))
    assert not found.private
    assert found.shown is found
    hidden = Study(found.folder, found.runs, private=True).shown.complete[0]
    assert (found.complete[0].facts["source"], hidden.facts["source"]) == ("/nowhere/images", "images")
