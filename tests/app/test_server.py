"""The page without a browser: the same numbers as the command, and all that it gives."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import psutil
import pytest
import tifffile

from oral_cancer.app import view
from oral_cancer.app.jobs import Job
from oral_cancer.app.pictures import heat
from oral_cancer.app.sessions import Desk
from oral_cancer.explain.choice import Labelled
from oral_cancer.explain.explaining import explain
from oral_cancer.explain.pictures import coloured, png
from scripts.predict import main
from tests.app.conftest import CULTURES, Page, written
from tests.app.person import drop, predict, wait
from tests.conftest import REPOSITORY
from tests.published import SPLIT_FOLDERS


def test_dropped_images_get_the_commands_numbers_byte_for_byte(
    page: Page, trained: Path, plate: dict[str, bytes], tmp_path: Path
) -> None:
    main([str(trained), f"images={written(plate, tmp_path)}", f"out={tmp_path / 'out'}"])
    person = page.person()
    assert drop(person, plate) == {}
    assert predict(person)["state"] == "done"
    for name in ("predictions.csv", "composition.csv"):
        assert person.get(f"/download/{name}").content == (tmp_path / "out" / name).read_bytes()
    table = pd.read_csv(tmp_path / "out" / "composition.csv")
    shown = person.get("/").text
    for row in table.to_dict("records"):
        share = max(row[f"{name}_calibrated"] for name in ("parental", "resistant", "control"))
        assert f" {100 * share:.0f} %" in shown.split(f"<h3>{row['population']} ")[1].split("</h3>")[1].split("<ul")[0]


def test_a_folder_given_by_its_path_is_read_where_it_lies(page: Page, images_root: Path) -> None:
    person = page.person()
    folder = images_root / SPLIT_FOLDERS["hetero", "test"]
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    person.post("/path", data={"path": str(folder)})
    wait(person)
    assert "16 images in 4 cultures" in person.get("/").text
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_ten_people_at_once_wait_for_each_other(page: Page, plate: dict[str, bytes]) -> None:
    process = psutil.Process()
    before = process.memory_info().rss

    def one(number: int) -> bytes:
        person = page.person()
        name, content = list(plate.items())[number % len(plate)]
        drop(person, {name: content})
        assert predict(person)["state"] == "done"
        return person.get("/download/predictions.csv").content

    with ThreadPoolExecutor(10) as pool:
        tables = list(pool.map(one, range(10)))
    names = [pd.read_csv(io.BytesIO(table))["file"].tolist() for table in tables]
    assert names == [[list(plate)[number % len(plate)].partition("/")[2]] for number in range(10)]
    assert process.memory_info().rss - before < 2e9


def test_a_job_that_fails_says_so_in_a_line_and_the_page_lives_on(page: Page, plate: dict[str, bytes]) -> None:
    person = page.person()
    drop(person, {"broken.png": b"no image"})
    shown = person.get("/").text
    assert "no image could be read" in shown
    assert "broken.png" in shown
    person.post("/predict")
    assert "there are no images to predict" in person.get("/").text
    drop(person, {"notes/monday.txt": b""})
    assert ">notes holds no image (" in person.get("/").text  # without the option of the command
    drop(person, plate)
    assert predict(person)["state"] == "done"


def test_images_that_cultures_have_in_common_are_told(page: Page, plate: dict[str, bytes]) -> None:
    person = page.person()
    content = next(iter(plate.values()))
    drop(person, {f"plate/{name}.png": content for name in ("A/1", "A/2", "B/1")})
    shown = person.get("/").text
    assert "A and B: 1 image in common, such as A/1.png and B/1.png; counted in each" in shown
    assert '<span class="file-name">A/2.png</span>: identical to A/1.png, which counts' in shown
    assert "2 images in 2 cultures, 1 left out." in shown


def test_planes_and_channels_are_chosen_where_there_are_several(page: Page, tmp_path: Path) -> None:
    stack = np.random.default_rng(0).integers(40, 200, (3, 40, 48), np.uint8)
    tifffile.imwrite(tmp_path / "stack.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    person = page.person()
    drop(person, {"plate/stack.tif": (tmp_path / "stack.tif").read_bytes()})
    assert '<select id="plane" name="plane">' in person.get("/").text
    person.post("/check", data={"plane": "max", "given": "yes"})
    wait(person)
    assert "1 image in 1 culture" in person.get("/").text
    assert predict(person)["state"] == "done"
    assert "plane max" in person.get("/download/predictions.html").text


def test_everything_that_can_be_kept(page: Page, plate: dict[str, bytes]) -> None:
    person = page.person()
    drop(person, plate)
    predict(person)
    book = pd.read_excel(io.BytesIO(person.get("/download/predictions.xlsx").content), sheet_name=None)
    assert book["composition"]["population"].tolist() == list(CULTURES)
    assert len(book["images"]) == len(plate)
    assert "<h1>Composition of plate</h1>" in person.get("/download/predictions.html").text
    figure = person.get("/download/composition.svg").text
    assert all(name in figure for name in CULTURES)
    methods = person.get("/download/methods.txt").text
    assert "The composition of 2 cultures (8 images) was estimated with 2 networks of m2" in methods


def test_pictures_are_shown_in_the_range_that_the_networks_saw(page: Page, images_root: Path) -> None:
    grey = (np.linspace(0, 4095, 40 * 48).reshape(40, 48)).astype(np.uint16)
    _, encoded = cv2.imencode(".tif", grey)
    person = page.person()
    drop(person, {"a/deep.tif": encoded.tobytes()})
    predict(person)
    address = person.get("/").text.split('<img src="')[1].split('"')[0]
    shown = cv2.imdecode(np.frombuffer(person.get(address).content, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_allclose(shown[..., 0], grey / 4095 * 255, atol=1)
    heat = person.get(address.replace("picture", "heat").replace("-320", ""))
    assert heat.headers["content-type"] == "image/png"
    assert person.get(address.replace("-320", "-1600")).status_code == 200
    assert person.get(address.replace("-320", "-9000")).status_code == 404


def test_heat_is_of_the_class_that_the_page_shows(
    page: Page, desk: Desk, plate: dict[str, bytes], tmp_path: Path
) -> None:
    """Of all networks together, whatever the one says that is explained."""
    person = page.person()
    drop(person, plate)
    predict(person)
    result = desk._sessions[next(iter(person.cookies.values()))].result
    one = result.prediction.predicted[0]
    explainers = desk.shelf.explainers(result.card)
    pictures = set()
    for k in range(len(result.card.study.classes)):
        shown = replace(one, probabilities=np.tile(np.eye(3)[k], (2, 1)))
        (found,) = explain([Labelled(one.image)], explainers, result.prediction.new, k, 1)
        expected = png(coloured(found.explanation.heat, found.original.shape[1::-1]))
        assert heat(result, shown, desk.shelf, tmp_path / str(k)) == expected
        pictures.add(expected)
    assert len(pictures) > 1


def test_a_job_is_cancelled(page: Page, desk: Desk, plate: dict[str, bytes]) -> None:
    person, other = page.person(), page.person()
    drop(person, plate)
    drop(other, plate)
    person.post("/predict")
    other.post("/predict")
    other.post("/cancel")
    assert wait(other)["state"] in ("cancelled", "done")
    assert wait(person)["state"] == "done"


def test_a_job_that_has_not_noticed_yet_says_that_it_is_being_cancelled(page: Page, desk: Desk) -> None:
    began, held = threading.Event(), threading.Event()

    def work(_: Job) -> None:
        began.set()
        held.wait(60)

    job = Job("predicting")
    desk.predictions.submit(job, work)
    assert began.wait(60)
    job.cancel()
    assert view.progress(job, desk.predictions)["words"] == "Being cancelled"
    held.set()


def test_studies_are_listed_compared_and_reported(page: Page, desk: Desk) -> None:
    person = page.person()
    assert "2 of 2 runs done" in person.get("/studies").text
    (key,) = desk.shelf.studies()
    assert "The same settings." in person.get("/compare", params={"a": key, "b": key}).text
    assert "choose two studies" in person.get("/compare", params={"a": key, "b": "nowhere"}).text
    for name in ("../study/study.yaml", "m2/fold=0/checkpoints/last.ckpt", "%2e%2e/secret.html", "/etc/passwd"):
        assert person.get(f"/report/{key}/{name}").status_code == 404


def test_the_script_shown_in_the_docs(
    page: Page, plate: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = (
        (REPOSITORY / "docs" / "how-to" / "app.md")
        .read_text(encoding="utf-8")
        .partition("```python\n")[2]
        .partition("```")[0]
    )
    written(plate, tmp_path).rename(tmp_path / "plate_7")
    monkeypatch.chdir(tmp_path)
    exec(shown.replace("http://127.0.0.1:8600", page.address).replace("*.tif", "*.png"), {})
    assert pd.read_csv("composition.csv")["population"].tolist() == list(CULTURES)
