"""What the page refuses, and whom it keeps apart."""

import io
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from oral_cancer.app.command import absent, serve
from oral_cancer.app.sessions import IDLE, Desk
from oral_cancer.app.shelf import Shelf
from oral_cancer.command import settings_of
from oral_cancer.errors import UserError
from tests.app.conftest import CULTURES, LIMITS, Page
from tests.app.person import drop, predict, wait
from tests.published import SPLIT_FOLDERS

LONG = "{root}/" + "x" * 5000


@pytest.mark.parametrize(
    "path",
    ["/etc", "{root}/../..", "relative", "{root}/nowhere", "{root}/link", "", "~nobody-here/x", "{root}/\0", LONG],
)
def test_a_path_elsewhere_is_refused(page: Page, allowed: Path, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").mkdir()
    link = allowed / "link"
    link.symlink_to(tmp_path / "secret")
    person = page.person(follow_redirects=True)
    shown = person.post("/path", data={"path": path.format(root=allowed)}).text
    link.unlink()
    assert 'id="line" class="note bad" role="alert">path: ' in shown
    assert 'id="checked"' not in shown


def test_links_out_of_a_folder_given_are_left_out(page: Page, images_root: Path, allowed: Path, tmp_path: Path) -> None:
    folder, secret = allowed / "with links", tmp_path / "secret.png"
    folder.mkdir()
    cv2.imwrite(str(secret), np.zeros((40, 48, 3), np.uint8))
    source = next((images_root / SPLIT_FOLDERS["hetero", "test"] / CULTURES[0]).iterdir())
    (folder / "own.png").symlink_to(source)
    (folder / "secret.png").symlink_to(secret)
    (folder / "all").symlink_to(tmp_path)
    person = page.person()
    person.post("/path", data={"path": str(folder)})
    wait(person)
    shown = person.get("/").text
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
    assert many == {"55.png": "55.png: more than 55 images; drop fewer, or start with max_images="}
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


def test_a_password_is_asked_for(shelf: Shelf, tmp_path: Path) -> None:
    served = Page(Desk(tmp_path, shelf, LIMITS, []), "correct horse")
    try:
        assert served.person().get("/").status_code == 401
        assert served.person(auth=("me", "wrong horse")).get("/").status_code == 401
        assert served.person(auth=("me", "correct horse")).get("/").status_code == 200
    finally:
        served.stop()


def test_people_do_not_see_each_others_images(page: Page, plate: dict[str, bytes]) -> None:
    one, other = page.person(), page.person()
    drop(one, plate)
    assert predict(one)["state"] == "done"
    address = one.get("/").text.split('<img src="')[1].split('"')[0]
    assert one.get(address).headers["content-type"] == "image/png"
    assert other.get(address).status_code == 404
    assert other.get("/download/predictions.csv").status_code == 404
    assert 'id="result"' not in other.get("/").text


def test_mutated_images_do_no_harm(page: Page, plate: dict[str, bytes]) -> None:
    rng = np.random.default_rng(0)
    content = np.frombuffer(next(iter(plate.values())), np.uint8)
    _, tiff = cv2.imencode(".tif", cv2.imdecode(content, cv2.IMREAD_COLOR))
    sources = [content, tiff.ravel()]
    files = {}
    for number in range(50):
        harmed = sources[number % 2].copy()
        places = rng.integers(0, len(harmed), rng.integers(1, 30))
        harmed[places] = rng.integers(0, 256, len(places))
        files[f"{number}.{'png' if number % 2 == 0 else 'tif'}"] = harmed[: rng.integers(1, len(harmed) + 1)].tobytes()
    person = page.person()
    assert drop(person, files | {"whole.png": content.tobytes()}) == {}
    assert "51 images (" in person.get("/").text
    assert predict(person)["state"] == "done"
    table = pd.read_csv(io.BytesIO(person.get("/download/predictions.csv").content)).set_index("file")
    assert table.loc["whole.png", "left_out"] != table.loc["whole.png", "left_out"]  # NaN: it counts
    assert len(table) == 51


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


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (["host=0.0.0.0"], "host=0.0.0.0: others could use the page; give ORAL_CANCER_PASSWORD in the environment"),
        (["password=12345678", "folders=/nowhere"], "folders=/nowhere: is no folder; give one that holds images"),
        (
            ["port=1", "host=192.0.2.1", "password=12345678"],
            "host=192.0.2.1 port=1: Cannot assign requested address; give a host= of this computer",
        ),
    ],
)
def test_what_would_open_the_page_too_wide_or_not_at_all_is_refused(given: list[str], line: str) -> None:
    with pytest.raises(UserError) as refused:
        serve(settings_of("app", given))
    (said,) = refused.value.lines
    assert said == line


def test_a_folder_without_a_study_is_refused_where_it_is_the_only_one(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    remedy = "give the folder that holds studies, or train one first: oral-cancer train study=demo"
    for name, fault in (("typo", "is no folder"), ("empty", "holds no study")):
        with pytest.raises(UserError) as refused:
            serve(settings_of("app", [f"studies={tmp_path / name}", "port=0"]))
        assert refused.value.lines == (f"studies={tmp_path / name}: {fault}; {remedy}",)


def test_a_folder_that_is_not_there_is_told_beside_one_with_studies(tmp_path: Path) -> None:
    (tmp_path / "study" / "m1" / "fold=0").mkdir(parents=True)
    (tmp_path / "study" / "m1" / "fold=0" / "manifest.json").touch()
    (said,) = absent(Shelf([tmp_path, tmp_path / "typo"]))
    assert said.startswith(f"studies={tmp_path / 'typo'}: is no folder; ")


def test_a_port_that_is_taken_is_told_with_the_remedy(page: Page) -> None:
    with pytest.raises(UserError) as refused:
        serve(settings_of("app", [f"port={page.port}"]))
    said = f"host=127.0.0.1 port={page.port}: Address already in use; give port=0 for any that is free"
    assert refused.value.lines == (said,)
