"""The page: whole by itself, true to the tables, plain about what lacks."""

import re
import runpy
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pandas as pd
import pytest

from oral_cancer.evaluation import ensembles
from oral_cancer.pages.figures import ENSEMBLE_NAMES
from oral_cancer.study.aggregate import TABLES, ranking
from oral_cancer.study.report import show_summary, write_report
from oral_cancer.study.runs import read_study
from tests.study.made_up import few_resamples, write_plan, write_run, write_study, written_before

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def quick():
    with few_resamples():
        yield


class Page(HTMLParser):
    """Links, sources, ids and visible text of a page; fails on tags that do not close."""

    VOID = ("meta", "img", "br", "link", "hr")

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
    assert "<script" not in text
    assert all(urlsplit(link).scheme == "" for link in page.links)
    assert all(source.startswith("data:") for source in page.sources)
    assert len(text) < 1_000_000


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
        assert f"{row['mean']:.4f} ({row['sd']:.4f})" in page.text
    places = [page.text.index(f" {name} 2 ") for name in order]
    assert places == sorted(places)
    assert "ranked by validation RMSE" in page.text
    assert "selection on the test set" in page.text


def test_the_page_says_what_is_resampled(paper):
    _, page = paper
    assert "10,000 bootstrap resamples" in page.text
    assert "the folds share most of their training images" in page.text
    assert "interval [1, 1] by construction" in page.text


def test_real_and_complete_has_no_banner(paper):
    assert 'role="alert"' not in paper[0].read_text()


def test_simulated_and_incomplete_are_said_first(tmp_path):
    write_run(tmp_path, "m1", 0, source="simulated")
    write_run(tmp_path, "m1", 1, source="simulated", status="failed", error="OSError: <no> space")
    text = Page(reported(tmp_path)).text
    head = text[: text.index("Mean over the folds")]
    assert "Simulated micrographs." in head
    assert "Incomplete: 1 of 2 runs lacking." in head
    assert "m1/fold=1: failed: OSError: <no> space" in head


def test_one_experiment_and_one_fold_give_the_same_page_twice(tmp_path):
    study = read_study(write_study(tmp_path, ["m1"], [0]))
    _, path = write_report(study)
    text, content = Page(path).text, path.read_bytes()
    rmse = pd.read_csv(tmp_path / "tables/summary.csv").query("metric == 'rmse' and split == 'test'")["mean"].item()
    assert f"{rmse:.4f} (–)" in text
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)
    assert "only one experiment is finished" in text
    assert reported(tmp_path).read_bytes() == content


def test_an_experiment_of_all_folds_is_not_ranked(tmp_path):
    text = Page(reported(write_study(tmp_path, ["m1"], ["all"]))).text
    assert "not ranked" in text
    assert "validation, in-sample" in text
    assert "There is no calibration" in text


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
    assert sorted(computed) == sorted(product(["m1", "m2"], ENSEMBLE_NAMES, ["test", "val"]))


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


def test_show_summary(paper, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    path, _ = paper
    tables = {"summary": pd.read_csv(path.parent / "tables/summary.csv")}
    show_summary(read_study(path.parent), tables, path)
    shown = capsys.readouterr().out
    rmse = tables["summary"].query("experiment == 'm2' and split == 'val' and metric == 'rmse'")["mean"].item()
    assert f"{rmse:.4f}" in shown
    assert f"page: {path}" in shown
    assert "Incomplete" not in shown


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
