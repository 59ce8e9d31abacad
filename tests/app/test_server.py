"""The page without a browser: the same numbers as the command, people apart, limits, and what is refused."""

import io
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import httpx
import numpy as np
import pandas as pd
import psutil
import pytest

from oral_cancer.app.sessions import IDLE, Desk
from scripts.predict import main
from tests.app.conftest import CULTURES, LIMITS, Page, written
from tests.published import SPLIT_FOLDERS


def drop(person: httpx.Client, files: dict[str, bytes]) -> dict[str, str]:
    """Drop files as the browser does; what was said of those that were refused."""
    person.post("/clear")
    said = {name: person.put("/images", params={"name": name}, content=content) for name, content in files.items()}
    person.post("/check")
    wait(person)
    return {name: answer.text for name, answer in said.items() if answer.status_code != 204}


def wait(person: httpx.Client) -> dict[str, object]:
    """Until the work is done."""
    for _ in range(1200):
        at = person.get("/progress").json()
        if at["state"] not in ("waiting", "running"):
            return at
        time.sleep(0.05)
    raise AssertionError(at)


def predict(person: httpx.Client) -> dict[str, object]:
    person.post("/predict")
    return wait(person)


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
    assert "16 images in 4 cultures" in person.post("/path", data={"path": str(folder)}).text or wait(person)
    wait(person)
    assert "16 images in 4 cultures" in person.get("/").text
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize("path", ["/etc", "{root}/../..", "relative", "{root}/nowhere", "{root}/link", ""])
def test_a_path_elsewhere_is_refused(page: Page, images_root: Path, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").mkdir()
    link = images_root / "link"
    link.symlink_to(tmp_path / "secret")
    try:
        shown = page.person().post("/path", data={"path": path.format(root=images_root)}).text
    finally:
        link.unlink()
    assert 'id="line" class="note bad" role="alert">path: ' in shown or path == ""
    assert 'id="checked"' not in shown


def test_links_out_of_a_folder_given_are_left_out(page: Page, images_root: Path, tmp_path: Path) -> None:
    folder, secret = images_root / "with links", tmp_path / "secret.png"
    folder.mkdir()
    cv2.imwrite(str(secret), np.zeros((40, 48, 3), np.uint8))
    source = next((images_root / SPLIT_FOLDERS["hetero", "test"] / CULTURES[0]).iterdir())
    (folder / "own.png").symlink_to(source)
    (folder / "secret.png").symlink_to(secret)
    (folder / "all").symlink_to(tmp_path)
    person = page.person()
    try:
        person.post("/path", data={"path": str(folder)})
        wait(person)
        shown = person.get("/").text
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    assert "1 image in 1 culture" in shown
    assert "2 a link out of the folders that may be read" in shown


@pytest.mark.parametrize(
    "name", ["../x.png", "a/../../x.png", "/etc/x.png", "a//x.png", "./x.png", "", "a\\..\\x.png", "x" * 300 + ".png"]
)
def test_a_name_that_leads_elsewhere_is_refused(page: Page, desk: Desk, name: str) -> None:
    before = set(desk.room.parent.rglob("*.png"))
    answer = page.person().put("/images", params={"name": name}, content=b"x")
    assert answer.status_code == 400
    assert len(answer.text.splitlines()) == 1
    assert set(desk.room.parent.rglob("*.png")) == before


def test_names_with_markup_are_shown_as_they_are(page: Page, plate: dict[str, bytes]) -> None:
    name = "<img src=x onerror=alert(1)>'\"&.png"
    person = page.person()
    drop(person, {f"plate/<b>bold<b>/{name}": next(iter(plate.values()))})
    assert predict(person)["state"] == "done"
    for shown in (person.get("/").text, person.get("/image/0").text):
        assert "<img src=x" not in shown
        assert "&lt;img src=x onerror=alert(1)&gt;" in shown
        assert "<b>bold" not in shown


def test_what_is_too_much_is_refused_in_a_line(page: Page) -> None:
    person = page.person()
    large = drop(person, {"a.png": bytes(1_000_001)})
    assert large == {"a.png": "a.png: more than 1 MB; save it smaller, or start with max_mb="}
    many = drop(person, {f"{number}.png": b"x" for number in range(LIMITS.max_images + 1)})
    assert many == {"40.png": "40.png: more than 40 images; drop fewer, or start with max_images="}
    assert "more than 3 MB in all" in drop(person, {f"{number}.png": bytes(900_000) for number in range(4)})["3.png"]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"host": "evil.example"},
        {"host": "evil.example:80", "origin": "http://evil.example:80"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
    ],
)
def test_other_web_sites_are_refused(page: Page, headers: dict[str, str]) -> None:
    person = page.person()
    for method, address in (("GET", "/"), ("POST", "/clear"), ("PUT", "/images?name=a.png"), ("GET", "/progress")):
        assert person.request(method, address, headers=headers).status_code in (403, 421)


def test_a_link_from_elsewhere_opens_the_page_and_does_nothing(page: Page) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert page.person().get("/", headers=headers).status_code == 200
    assert page.person().post("/clear", headers=headers).status_code == 403


def test_a_password_is_asked_for(desk: Desk) -> None:
    served = Page(desk, "correct horse")
    try:
        assert served.person().get("/").status_code == 401
        assert served.person(auth=("me", "wrong horse")).get("/").status_code == 401
        assert served.person(auth=("me", "correct horse")).get("/").status_code == 200
    finally:
        served.server.should_exit = True


def test_people_do_not_see_each_others_images(page: Page, plate: dict[str, bytes]) -> None:
    one, other = page.person(), page.person()
    drop(one, plate)
    assert predict(one)["state"] == "done"
    address = one.get("/").text.split('<img src="')[1].split('"')[0]
    assert one.get(address).headers["content-type"] == "image/png"
    assert other.get(address).status_code == 404
    assert other.get("/download/predictions.csv").status_code == 404
    assert 'id="result"' not in other.get("/").text


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
    assert names == [[list(plate)[number % len(plate)].partition("/")[2].partition("/")[2]] for number in range(10)]
    assert process.memory_info().rss - before < 2e9


def test_mutated_images_do_no_harm(page: Page, plate: dict[str, bytes]) -> None:
    rng = np.random.default_rng(0)
    content = np.frombuffer(next(iter(plate.values())), np.uint8)
    _, tiff = cv2.imencode(".tif", cv2.imdecode(content, cv2.IMREAD_COLOR))
    sources = [content, tiff.ravel()]
    files = {}
    for number in range(30):
        harmed = sources[number % 2].copy()
        places = rng.integers(0, len(harmed), rng.integers(1, 30))
        harmed[places] = rng.integers(0, 256, len(places))
        files[f"{number}.{'png' if number % 2 == 0 else 'tif'}"] = harmed[: rng.integers(1, len(harmed) + 1)].tobytes()
    person = page.person()
    assert drop(person, files | {"whole.png": content.tobytes()}) == {}
    assert "31 images (" in person.get("/").text
    assert predict(person)["state"] == "done"
    table = pd.read_csv(io.BytesIO(person.get("/download/predictions.csv").content)).set_index("file")
    assert table.loc["whole.png", "left_out"] != table.loc["whole.png", "left_out"]  # NaN: it counts
    assert len(table) == 31


def test_a_job_that_fails_says_so_in_a_line_and_the_page_lives_on(page: Page, plate: dict[str, bytes]) -> None:
    person = page.person()
    drop(person, {"broken.png": b"no image"})
    shown = person.get("/").text
    assert "no image could be read" in shown
    assert "broken.png" in shown
    assert "there are no images to predict" in person.post("/predict").text
    drop(person, plate)
    assert predict(person)["state"] == "done"


def test_planes_and_channels_are_chosen_where_there_are_several(page: Page, tmp_path: Path) -> None:
    import tifffile

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


def test_a_job_is_cancelled(page: Page, desk: Desk, plate: dict[str, bytes]) -> None:
    person, other = page.person(), page.person()
    drop(person, plate)
    drop(other, plate)
    person.post("/predict")
    other.post("/predict")
    other.post("/cancel")
    assert wait(other)["state"] in ("cancelled", "done")
    assert wait(person)["state"] == "done"


def test_temporary_files_go_with_the_session(desk: Desk, plate: dict[str, bytes], page: Page) -> None:
    person = page.person()
    drop(person, plate)
    (key,) = person.cookies.values()
    session = desk._sessions[key]
    assert any(session.folder.rglob("*.png"))
    session.seen -= IDLE + 1
    desk.sweep()
    assert not session.folder.exists()
    assert 'id="checked"' not in person.get("/").text


def test_studies_are_listed_compared_and_reported(page: Page, desk: Desk) -> None:
    person = page.person()
    assert "2 of 2 runs done" in person.get("/studies").text
    (key,) = desk.shelf.studies()
    assert "The same settings." in person.get("/compare", params={"a": key, "b": key}).text
    assert "choose two studies" in person.get("/compare", params={"a": key, "b": "nowhere"}).text
    for name in ("../study/study.yaml", "m2/fold=0/checkpoints/last.ckpt", "%2e%2e/secret.html", "/etc/passwd"):
        assert person.get(f"/report/{key}/{name}").status_code == 404
