"""Data sets of any classes and mixtures, from training to export: nothing of the published set comes out of them."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from oral_cancer.errors import UserError
from oral_cancer.experiments import compose_settings
from oral_cancer.settings import check
from oral_cancer.study.report import write_report
from oral_cancer.study.runs import read_study
from oral_cancer.study.verify import verify_study
from oral_cancer.training.run import Run, RunName
from oral_cancer.training.train import train
from scripts import explain, export, predict
from tests.conftest import SMALL_NETWORK, MadeOnce
from tests.published import LABELS, LAYOUT

PUBLISHED_NAMES = re.compile(r"parental|resistant|5nMTG|20X_|noncanceroral|homo_hetero_only", re.IGNORECASE)
TEXTS = (".csv", ".json", ".html", ".md", ".yaml", ".txt", ".onnx")


@dataclass(frozen=True)
class Cells:
    """A data set, and what must come out of it.

    Attributes:
        counts: images by label, of which those in `tests` images of a folder test/ are none.
        mixtures: parts by mixture.
        options: of a training, beside the source's root.
        tests: images of each label that the data themselves set aside.
        published: whether it lies in the published layout.
        table: whether a table lists it, with donors, and the votes of five annotators, of whom one may differ.
    """

    counts: Mapping[str, int]
    mixtures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    tests: int = 0
    published: bool = False
    table: bool = False

    @property
    def classes(self) -> list[str]:
        names = [name for name in self.counts if name not in self.mixtures]
        names = names or [name for parts in self.mixtures.values() for name in parts]
        return names if self.published or self.table else sorted(set(names))

    def proportions(self, label: str) -> list[float]:
        parts = self.mixtures.get(label, {label: 1})
        return [parts.get(name, 0) / sum(parts.values()) for name in self.classes]

    def truth(self, label: str, file: str) -> list[float]:
        """The proportions of one image."""
        if not self.table or int(file.removesuffix(".png")[-1]) % 2:
            return self.proportions(label)
        other = self.classes[self.classes.index(label) - 1]
        return [0.8 * (name == label) + 0.2 * (name == other) for name in self.classes]

    def write(self, root: Path) -> None:
        """Images whose grey tells the labels apart."""
        levels = np.linspace(40, 220, len(self.classes))
        for number, (label, count) in enumerate(self.counts.items()):
            grey = np.dot(self.proportions(label), levels)
            for split, images in (("val", count), ("test", self.tests)):
                folder = root / (LAYOUT.folder(label, split) if self.published else Path(label.replace(":", "_")))
                for i in range(images):
                    rng = np.random.default_rng([number, i, split == "test"])
                    image = np.clip(grey + rng.normal(0, 12, (32, 32, 3)), 0, 255).astype(np.uint8)
                    folder.mkdir(parents=True, exist_ok=True)
                    cv2.imwrite(str(folder / f"{split}{i}.png"), image)
        if self.table:
            self._write_table(root)

    def _write_table(self, root: Path) -> None:
        """Four donors of each class to train, another to test."""
        rows = []
        for path in sorted(root.rglob("*.png")):
            label, split, number = path.parent.name, path.name[:-5].rstrip("0123456789"), int(path.stem[-1])
            votes = [round(5 * share) for share in self.truth(label, path.name)]
            donor = "Dora" if split == "test" else ("Anna", "Berta", "Cäcilie", "Emil")[number % 4]
            rows.append((path.relative_to(root), label, donor, "test" if split == "test" else "", *votes))
        columns = ["file", "cell type", "donor", "split", *self.classes]
        pd.DataFrame(rows, columns=columns).to_csv(root / "cells.csv", index=False)


SETS = {
    "published": Cells(
        dict.fromkeys(LABELS.names, 10),
        {
            name: {cls: share for cls, share in zip(LABELS.classes, LABELS.mixtures[name], strict=True) if share}
            for name in LABELS.mixtures
        },
        tests=3,
        published=True,
    ),
    "two": Cells({"naïve T": 14, "Bcr-Abl+": 10}, options=("data.stream=balanced",)),
    "six": Cells(dict(zip("fedcba", (10, 11, 12, 13, 14, 15), strict=True)), options=("resampling=ros_auto",)),
    "mixing": Cells(
        dict.fromkeys(("A", "B", "C", "D", "1:1 AB", "3:1 AB", "1:3 CD", "1:1:2"), 10),
        {
            "1:1 AB": {"A": 1, "B": 1},
            "3:1 AB": {"A": 3, "B": 1},
            "1:3 CD": {"C": 1, "D": 3},
            "1:1:2": {"A": 1, "B": 1, "D": 2},
        },
    ),
    "table": Cells({"Kupffer": 12, "Ito": 16, "LSEC": 8}, tests=3, table=True),
    "mixtures alone": Cells(
        dict.fromkeys(("2:1 XY", "1:2 XY", "1:9 YZ"), 10),
        {"2:1 XY": {"X": 2, "Y": 1}, "1:2 XY": {"X": 1, "Y": 2}, "1:9 YZ": {"Y": 1, "Z": 9}},
    ),
    "validation only": Cells({"Lymphozyt": 9, "モノサイト": 8}, options=("source.test_share=0",)),
}


@dataclass(frozen=True)
class Outcome:
    """What became of a data set: the study of two folds, and what the commands made of it."""

    cells: Cells
    images: Path
    study: Path
    out: Path

    def predictions(self) -> pd.DataFrame:
        return read_study(self.study).predictions


def search_path(cells: Cells, folder: Path) -> str:
    """A folder of the user's that declares the mixtures of their source, and a treatment of their classes."""
    mixtures = {name: {"parts": dict(p), "folders": [name.replace(":", "_")]} for name, p in cells.mixtures.items()}
    for path, content in {
        "source/mine.yaml": {"defaults": ["table"], "table": "cells.csv"}
        if cells.table
        else {"defaults": ["folder"], "mixtures": {} if cells.published else mixtures},
        "resampling/ros_auto.yaml": {"_target_": "oral_cancer.resampling.RandomOverSampling", "multiples": "auto"},
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return f"hydra.searchpath=[file://{folder}]"


def trained(cells: Cells, images: Path, here: Path, fold: int, *more: str) -> Path:
    """The folder of a run of the data set."""
    words = [search_path(cells, here / "conf"), "source=mine", f"source.root={images}", f"store={here / 'store'}"]
    words += [*SMALL_NETWORK, "trainer.max_epochs=1", "data.folds=2", f"fold={fold}", *cells.options, *more]
    settings = compose_settings(words)
    check(settings)
    run = Run.of(settings, here / "study" / "own" / f"fold={fold}", RunName("own", fold))
    train(run)
    return run.folder


@pytest.fixture(scope="module", params=list(SETS))
def outcome(request: pytest.FixtureRequest, made_once: MadeOnce) -> Outcome:
    cells = SETS[request.param]
    here = made_once(f"cells {request.param}", partial(use, cells))
    return Outcome(cells, here / "images", here / "study", here / "out")


def use(cells: Cells, here: Path) -> None:
    """Train on a data set, and let every command use the networks."""
    images, study, out = here / "images", here / "study", here / "out"
    cells.write(images)
    for fold in (0, 1):
        trained(cells, images, here, fold)
    write_report(read_study(study))
    new = next(path for path in images.rglob("*") if path.is_dir() and any(path.glob("*.png")))
    export.main([str(study)])
    for engine in ("torch", "onnx"):
        predict.main([str(study), f"images={new}", "workers=1", f"engine={engine}", f"out={out / engine}"])
    explain.main([str(study), f"images={new}", "wandb=false", f"out={out / 'explained'}"])


def texts(outcome: Outcome) -> Iterator[tuple[Path, str]]:
    for folder in (outcome.study, outcome.out):
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix in TEXTS:
                yield path, path.read_bytes().decode("utf-8", errors="replace")


@pytest.mark.slow
def test_nothing_of_the_published_set_comes_out_of_other_data(outcome: Outcome) -> None:
    found = [path for path, text in texts(outcome) if PUBLISHED_NAMES.search(text)]
    pictures = [path for path in outcome.out.rglob("*.png") if PUBLISHED_NAMES.search(path.name)]
    if outcome.cells.published:
        assert len(found) > 10
    else:
        assert [*found, *pictures] == []


@pytest.mark.slow
def test_names_counts_and_proportions_are_the_datas_own(outcome: Outcome) -> None:
    cells, predictions = outcome.cells, outcome.predictions()
    assert read_study(outcome.study).classes == tuple(cells.classes)
    for label, rows in predictions.groupby("label"):
        expected = [cells.truth(str(label), str(file)) for file in rows["file"]]
        assert rows[[f"true_{name}" for name in cells.classes]].to_numpy() == pytest.approx(np.array(expected))
    sums = predictions[cells.classes].sum(axis=1)
    assert sums.to_numpy() == pytest.approx(np.ones(len(sums)), abs=1e-5)
    splits = pd.read_csv(outcome.study / "own" / "fold=0" / "splits.csv", keep_default_na=False)
    assert Counter(splits["label"]) == {label: count + cells.tests for label, count in cells.counts.items()}
    manifest = json.loads((outcome.study / "own" / "fold=0" / "manifest.json").read_text())
    assert manifest["labels"]["classes"] == cells.classes
    assert set(manifest["labels"]["mixtures"]) == set(cells.mixtures)


@pytest.mark.slow
def test_the_page_shows_every_label_and_composition_only_where_something_mixes(outcome: Outcome) -> None:
    cells, page = outcome.cells, (outcome.study / "report.html").read_text(encoding="utf-8")
    for label in cells.counts:
        assert label in page
        assert f'alt="Image of {label}"' in page
    assert ('id="composition"' in page) == bool(cells.mixtures)
    summary = pd.read_csv(outcome.study / "tables" / "summary.csv")
    assert ("rmse" in set(summary["metric"])) == bool(cells.mixtures)
    assert ("test" in set(summary["split"])) == ("source.test_share=0" not in cells.options)
    if cells.mixtures:
        table = pd.read_csv(outcome.study / "tables" / "compositions.csv")
        assert set(table["mixture"]) == set(cells.mixtures) | set(cells.classes) & set(cells.counts)
        assert {f"true_{name}" for name in cells.classes} <= set(table.columns)
    else:
        assert "macro F1" in page


@pytest.mark.slow
@pytest.mark.parametrize("outcome", ["table"], indirect=True)
def test_donors_stay_together_from_the_table_to_the_page(outcome: Outcome) -> None:
    donors = {"Anna", "Berta", "Cäcilie", "Emil"}
    validated = []
    for fold in (0, 1):
        splits = pd.read_csv(outcome.study / "own" / f"fold={fold}" / "splits.csv")
        assert (splits.groupby("group")["role"].nunique() == 1).all()
        assert set(splits.loc[splits["role"] == "test", "group"]) == {"Dora"}
        validated.append(set(splits.loc[splits["role"] == "val", "group"]))
    assert validated[0] | validated[1] == donors
    assert not validated[0] & validated[1]
    tested = outcome.predictions().query("split == 'test'")
    assert set(tested["group"]) == {"Dora"}
    assert Counter(tested.query("fold == 0")["label"]) == dict.fromkeys(outcome.cells.classes, outcome.cells.tests)
    page = (outcome.study / "report.html").read_text(encoding="utf-8")
    assert "5: Anna, Berta, Cäcilie, Dora, Emil" in page


@pytest.mark.slow
def test_everything_agrees(outcome: Outcome) -> None:
    assert [finding.faults for finding in verify_study(outcome.study) if finding.faults] == []


@pytest.mark.slow
def test_prediction_export_and_explanation_know_the_classes(outcome: Outcome) -> None:
    classes = outcome.cells.classes
    by_torch, by_onnx = (pd.read_csv(outcome.out / engine / "predictions.csv") for engine in ("torch", "onnx"))
    assert by_torch[classes].to_numpy() == pytest.approx(by_onnx[classes].to_numpy(), abs=1e-4)
    assert {f"{name}_sd" for name in classes} <= set(by_torch.columns)
    card = next(outcome.study.rglob("MODEL_CARD.md")).read_text(encoding="utf-8")
    page = (outcome.out / "explained" / "index.html").read_text(encoding="utf-8")
    for name in classes:
        assert name in card
    assert any(name in page for name in classes)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["two", "six", "mixing"])
@pytest.mark.parametrize("experiment", ["plain", "balanced", "weighted", "smote", "cleaned"])
def test_a_cross_validation_treats_whatever_classes_there_are(name: str, experiment: str, tmp_path: Path) -> None:
    cells = replace(SETS[name], options=(f"experiment={experiment}",))
    cells.write(tmp_path / "images")
    manifest = json.loads((trained(cells, tmp_path / "images", tmp_path, 0) / "manifest.json").read_text())
    assert manifest["status"] == "complete"
    counts = Counter(manifest["training_images"])
    assert set(counts) == set(cells.counts)
    if experiment in ("balanced", "cleaned"):
        assert len(set(counts.values())) == 1


@pytest.mark.slow
def test_auto_multiples_balance_the_training_set(tmp_path: Path) -> None:
    SETS["six"].write(tmp_path / "images")
    run = trained(SETS["six"], tmp_path / "images", tmp_path, 0)
    counts = json.loads((run / "manifest.json").read_text())["training_images"]
    assert set(counts) == set("abcdef")
    assert len(set(counts.values())) == 1


def test_a_label_that_the_data_have_not_is_refused_before_any_training(tmp_path: Path) -> None:
    SETS["two"].write(tmp_path / "images")
    with pytest.raises(UserError) as refused:
        trained(SETS["two"], tmp_path / "images", tmp_path, 0, "resampling=ros")
    assert "no image of 3_1, but of " in refused.value.lines[0]
    assert not (tmp_path / "study").exists()
