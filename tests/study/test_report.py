"""The page: whole by itself, true to the tables, plain about what lacks."""

import base64
import re
import runpy
import shutil
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from oral_cancer.errors import UserError
from oral_cancer.evaluation import ensembles
from oral_cancer.files import sha256_of
from oral_cancer.pages.figures import ENSEMBLE_NAMES
from oral_cancer.study.aggregate import TABLES, ranking
from oral_cancer.study.report import show_summary, write_report
from oral_cancer.study.runs import read_study
from oral_cancer.training.manifest import file_hashes, read_manifest, write_manifest
from tests.study.made_up import few_resamples, write_plan, write_run, write_study, written_before

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def quick():
    with few_resamples():
        yield


class Page(HTMLParser):
    """Links, sources, ids and visible text of a page; fails on tags that do not close."""

    VOID = ("meta", "img", "br", "wbr", "link", "hr")

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert not self.open
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        found = dict(attrs)
        self.links += [found[key] for key in ("href", "xlink:href") if key in found]
        self.sources += [found["src"]] if "src" in found else []
        self.ids += [found["id"]] if "id" in found else []

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)


def reported(study: Path) -> Path:
    """The page of a study."""
    return write_report(read_study(study))[1]


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    """The page of two experiments and two folds."""
    path = reported(write_study(tmp_path_factory.mktemp("studies") / "paper", ["m1", "m2"], [0, 1]))
    return path, Page(path)


def test_the_page_is_whole_by_itself(paper):
    path, page = paper
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"https?://[^\s\"'<>]*", text)
    assert not re.findall(r"url\((?!#)", text)
    assert text.count("<script") == text.count("<script>") == 1
    assert all(urlsplit(link).scheme == "" for link in page.links)
    assert all(source.startswith("data:") for source in page.sources)
    assert len(text) < 1_000_000


def test_runs_that_are_online_are_linked(tmp_path):
    url = "https://wandb.example/ann/cells/runs/abc?nw=1&x=2"
    study = write_study(tmp_path / "paper", ["m1"], [0])
    for fold, said in enumerate((url, "javascript:alert(1)", "https://wandb.example/a b"), start=1):
        write_run(study, "m1", fold, wandb_url=said)
    with few_resamples():
        path = reported(study)
    assert [link for link in Page(path).links if not link.startswith(("#", "tables/"))] == [url]
    assert "javascript:" not in path.read_text(encoding="utf-8")


def test_links_lead_somewhere(paper):
    path, page = paper
    assert len(page.ids) == len(set(page.ids))
    inside = [link for link in page.links if link.startswith("#")]
    assert {link[1:] for link in inside} <= set(page.ids)
    files = [link for link in page.links if not link.startswith("#")]
    assert sorted(files) == sorted(f"tables/{name}.csv" for name in TABLES)
    assert all((path.parent / file).is_file() for file in files)


def test_the_summary_is_that_of_the_table_ranked_by_validation(paper):
    path, page = paper
    summary = pd.read_csv(path.parent / "tables/summary.csv")
    order = ranking(summary)
    assert order[0] == "m2"
    figures = summary.set_index(["experiment", "split", "metric"])
    for name in order:
        row = figures.loc[name, "test", "rmse"]
        assert f"{row['mean']:.3f} ({row['sd']:.3f})" in page.text
    places = [page.text.index(f" {name} 2 ") for name in order]
    assert places == sorted(places)
    assert "ranked by validation RMSE" in page.text
    assert "selection on the test set" in page.text


def test_the_page_says_what_is_resampled(paper):
    _, page = paper
    assert "10,000 bootstrap resamples" in page.text
    assert "the folds share most of their training images" in page.text
    assert "Wilson's" in page.text
    assert "from one seed" in page.text


def test_real_and_complete_has_no_banner(paper):
    assert 'role="alert"' not in paper[0].read_text()


def test_simulated_and_incomplete_are_said_first(tmp_path):
    write_run(tmp_path, "m1", 0, source="simulated")
    write_run(tmp_path, "m1", 1, source="simulated", status="failed", error="OSError: <no> space")
    text = Page(reported(tmp_path)).text
    head = text[: text.index("Mean over the trainings")]
    assert "Simulated micrographs." in head
    assert "Incomplete: 1 of 2 runs lacking." in head
    assert "m1/fold=1: failed: OSError: <no> space" in head


@pytest.mark.slow
def test_one_experiment_and_one_fold_give_the_same_page_twice(tmp_path):
    study = read_study(write_study(tmp_path, ["m1"], [0]))
    _, path = write_report(study)
    text, content = Page(path).text, path.read_bytes()
    rmse = pd.read_csv(tmp_path / "tables/summary.csv").query("metric == 'rmse' and split == 'test'")["mean"].item()
    assert f"{rmse:.3f} (–)" in text
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)
    assert "only one experiment is finished" in text
    assert reported(tmp_path).read_bytes() == content


def test_an_experiment_of_all_folds_is_ranked_by_the_mixtures_that_it_never_saw(tmp_path):
    study = read_study(write_study(tmp_path, ["m1"], ["all"]))
    tables, path = write_report(study)
    text = Page(path).text
    validated = tables["summary"].query("split == 'val'")
    assert set(validated["metric"]) == {"rmse"}
    assert f"{validated['mean'].item():.3f} (–)" in text
    assert "ranked by validation RMSE" in text
    assert "validation, in-sample" in text
    assert "trained once" in text
    assert "raw mean, not corrected" in text


def test_each_ensemble_is_computed_once(tmp_path, monkeypatch):
    computed = []
    monkeypatch.setattr(
        ensembles,
        "ensemble",
        lambda frame, weights, name, one=ensembles.ensemble: (
            computed.append((frame["experiment"].iat[0], name, frame["split"].iat[0])) or one(frame, weights, name)
        ),
    )
    reported(write_study(tmp_path, ["m1", "m2"], [0, 1]))
    networks = [one for one in computed if one[0] in ("m1", "m2")]
    assert sorted(networks) == sorted(product(["m1", "m2"], ENSEMBLE_NAMES, ["test"]))


@pytest.mark.slow
def test_a_study_written_before_has_the_same_tables_and_page(tmp_path):
    now = reported(write_study(tmp_path / "now" / "paper", ["m1", "m2"], [0, 1]))
    before = reported(written_before(write_study(tmp_path / "before" / "paper", ["m1", "m2"], [0, 1])))
    for name in TABLES:
        text = (before.parent / f"tables/{name}.csv").read_text()
        assert text == (now.parent / f"tables/{name}.csv").read_text()
        assert "model" not in text
    assert Page(before).text == Page(now).text
    assert not re.search(r"\bmodels?\b", Page(now).text)


def test_pictures_where_the_files_are_still_there(tmp_path):
    study = read_study(write_study(tmp_path / "study", ["m1"], [0], root=str(tmp_path / "images")))
    assert Page(reported(study.folder)).sources == []
    for file in study.predictions.query("split == 'test'")["file"]:
        path = tmp_path / "images" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8))
    sources = Page(reported(study.folder)).sources
    assert len(sources) == 12
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)


LEVELS = {"pixels": "uint8", "black": 0, "white": 255, "by": "type", "images": 36, "used": [0, 255]}
GREYS = {"parental": 60, "control": 140, "1:3": 200}


def with_images(study: Path, root: Path, **facts: object) -> Path:
    """A study of one run whose images are there: 12 of each of three labels, in three groups."""
    rows = []
    for label, number in product(GREYS, range(12)):
        path = root / label.replace(":", "to") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((30, 40, 3), GREYS[label] + number, np.uint8))
        role = "test" if number < 2 else "val" if number < 5 else "train"
        file = path.relative_to(root).as_posix()
        rows.append((file, label, f"donor {number % 3}", role, path.stat().st_size, sha256_of(path)))
    run = write_run(study, "m1", 0, root=str(root), **facts)
    write_splits(run, pd.DataFrame(rows, columns=["file", "label", "group", "role", "bytes", "sha256"]))
    return run


def write_splits(run: Path, splits: pd.DataFrame) -> None:
    splits.to_csv(run / "splits.csv", index=False)
    manifest = read_manifest(run)
    assert manifest is not None
    write_manifest(run, manifest | {"files": file_hashes(run)})


def data_of(page: Path) -> str:
    text = Page(page).text
    return text[text.rindex(" Data Images ") :]


def test_the_data_are_described_with_samples_of_each_label(tmp_path):
    facts = {
        "measures": {"sizes": "36 of 40 x 30 px", "a pixel's side": "0.5 µm"},
        "remarks": ["warning: each group has images of one label only"],
        "reading": {"channels": None, "plane": None, "range": None, "levels": [LEVELS]},
    }
    with_images(tmp_path / "study", tmp_path / "images", **facts)
    page = reported(tmp_path / "study")
    text = data_of(page)
    for said in (
        "Images 84 from /nowhere/images",
        "Groups 3: donor 0, donor 1, donor 2",
        "Sizes 36 of 40 x 30 px",
        "A pixel's side 0.5 µm",
        "Brightness 36 images of uint8 pixels: 8 bits",
        "each group has images of one label only",
        "parental 12 images",
        "label images training validation test",
        "1:3 12 7 3 2",
        "In fold 0.",
        "Images by group group parental control 1:3 donor 0 4 4 4",
    ):
        assert said in text
    samples = re.findall(r'<img src="data:image/jpeg;base64,([^"]*)" alt="Image of ([^"]*)"', page.read_text())
    shown = [(encoded, label) for encoded, label in samples if decoded(encoded).shape == (128, 128, 3)]
    assert [label for _, label in shown] == [label for label in GREYS for _ in range(3)]
    for encoded, label in shown:
        assert GREYS[label] - 2 <= decoded(encoded).mean() <= GREYS[label] + 13
    assert page.read_bytes() == reported(tmp_path / "study").read_bytes()


def decoded(encoded: str) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.slow
def test_where_the_images_are_gone_or_others_the_page_says_so_in_place_of_samples(tmp_path):
    with_images(tmp_path / "study", tmp_path / "images")
    for path in (tmp_path / "images" / "parental").iterdir():
        path.write_bytes((tmp_path / "images" / "control" / path.name).read_bytes())
    assert data_of(reported(tmp_path / "study")).count("file gone or changed") == 3
    shutil.rmtree(tmp_path / "images")
    text = data_of(reported(tmp_path / "study"))
    assert f"the images that were trained on are no longer at {tmp_path / 'images'}." in text
    assert "parental 12 images" in text
    assert "file gone" not in text


def test_a_study_of_before_has_its_labels_and_no_groups(tmp_path):
    run = with_images(tmp_path / "study", tmp_path / "images")
    splits = pd.read_csv(run / "splits.csv").drop(columns="group").rename(columns={"label": "group"})
    write_splits(run, splits)
    text = data_of(reported(tmp_path / "study"))
    assert "1:3 12 7 3 2" in text
    assert "Groups" not in text
    assert "Images by group" not in text


def test_no_file_outside_of_the_images_is_shown(tmp_path):
    run = with_images(tmp_path / "study", tmp_path / "images")
    write_splits(run, pd.read_csv(run / "splits.csv").assign(file="../secret.png"))
    with pytest.raises(UserError, match=r"\.\./secret.png is no path below the folder of images"):
        reported(tmp_path / "study")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """The page of two experiments that differ, two folds and three seeds."""
    study = tmp_path_factory.mktemp("seeds") / "seeds"
    for model, fold, seed in product(["m1", "m2"], [0, 1], [0, 1, 2]):
        write_run(study, model, fold, seed=seed)
    path = reported(study)
    return path, Page(path)


def test_with_one_seed_nothing_is_tested_and_nothing_better(paper):
    path, page = paper
    differences = pd.read_csv(path.parent / "tables/differences.csv")
    assert differences["p"].isna().all()
    assert "these two ensembles on these images" in page.text
    assert "better" not in page.text
    assert "Holm" not in page.text


@pytest.mark.slow
def test_with_three_seeds_trainings_and_images_are_tested_over(seeds):
    path, page = seeds
    (row,) = pd.read_csv(path.parent / "tables/differences.csv").to_dict("records")
    assert row["trainings"] == 3
    assert row["p_holm"] < 0.05
    assert "trainings and test images together" in page.text
    assert "1 of 1 pair can be told apart" in page.text
    assert "m2 is lower" in page.text
    assert "trained on each of 2 folds, from each of 3 seeds" in page.text
    assert "better" not in page.text
    assert "m1 0, seed 2 complete" in page.text
    assert "m1 0 2 validation" in page.text


def test_yardsticks_and_numbers_of_images_stand_below_the_figures(paper):
    path, page = paper
    guess = pd.read_csv(path.parent / "tables/yardsticks.csv").query("metric == 'rmse' and split == 'test'")
    assert guess["mean"].item() == pytest.approx(0.300, abs=5e-4)  # 50:50 for 1:3, 1:2, 2:1 and 3:1
    assert "(guess)" in page.text
    assert "with the mean of the training mixtures has 0.300" in page.text
    assert "images 24 24 24 16 12 12 12 16" in page.text
    assert "keeps no statistics of its images" in page.text


def test_weighted_ensembles_are_folded_away(paper):
    shown = paper[0].read_text()
    assert shown.index("<summary>Weighted ensembles") < shown.index("weighted by macro F1")
    assert shown.count("weighted by macro F1") == 2


def test_show_summary(paper, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    path, _ = paper
    tables = {"summary": pd.read_csv(path.parent / "tables/summary.csv")}
    show_summary(read_study(path.parent), tables, path)
    shown = capsys.readouterr().out
    rmse = tables["summary"].query("experiment == 'm2' and split == 'val' and metric == 'rmse'")["mean"].item()
    assert f"{rmse:.3f}" in shown
    assert f"page: {path}" in shown
    assert "Incomplete" not in shown


def test_no_name_is_broken_in_a_terminal_of_80_columns(paper, capsys, monkeypatch):
    monkeypatch.setattr("rich.get_console", lambda: Console(width=80, force_terminal=True, color_system=None))
    folder = paper[0].parent
    tables = {name: pd.read_csv(folder / "tables" / f"{name}.csv") for name in ("summary", "yardsticks")}
    tables["yardsticks"] = tables["yardsticks"].replace("(guess)", "(brightness)")
    show_summary(read_study(folder), tables, Path("page"))
    rows = capsys.readouterr().out.splitlines()
    assert any(row.startswith(" (brightness)") for row in rows)
    assert max(map(len, rows)) <= 80


def test_the_command(tmp_path, capsys):
    write_run(tmp_path / "quick", "m1", 0)
    write_plan(tmp_path / "quick", ("m1", 0), ("m1", 1))
    command = runpy.run_path(str(REPOSITORY / "scripts/report.py"))["main"]
    command([str(tmp_path / "quick")])
    shown = capsys.readouterr().out
    assert "m1/fold=1: not started" in shown
    assert f"page: {tmp_path / 'quick/report.html'}" in shown

    with pytest.raises(SystemExit, match="1"):
        command([str(tmp_path / "absent")])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {tmp_path / 'absent'}: there is no such folder")
