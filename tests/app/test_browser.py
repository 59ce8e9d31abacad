"""The page in a real browser: what a person at the bench does, with the mouse and without."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from oral_cancer.app.jobs import Job
from tests.app.conftest import CULTURES, Page, written

WIDTHS = {"desktop": (1440, 900), "phone": (390, 844)}
Tab = Any


@pytest.fixture
def open_tab(browser: Any, page: Page) -> Iterator[Callable[..., Tab]]:
    """A function that opens the page for a new person, and notes each request that leaves this computer."""
    contexts = []

    def opened(width: int = 1440, height: int = 900, **options: Any) -> Tab:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        context.set_default_timeout(120_000)
        tab = context.new_page()
        tab.outside = []

        def only_ours(route: Any) -> None:
            if route.request.url.startswith(page.address):
                route.continue_()
            else:
                tab.outside.append(route.request.url)
                route.abort()

        context.route(re.compile(r"^(?!data:|blob:)"), only_ours)
        tab.goto(page.address)
        return tab

    yield opened
    for context in contexts:
        context.close()


def drop(tab: Tab, *paths: Path, until: str = "#checked, #line:not([hidden])") -> None:
    """Drop files and folders as the file manager does."""
    box = tab.locator("#drop").bounding_box()
    debugger = tab.context.new_cdp_session(tab)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        place = {"x": box["x"] + 30, "y": box["y"] + 20}
        debugger.send("Input.dispatchDragEvent", {"type": kind, "data": data, **place})
    tab.wait_for_selector(until)


def wait_for(tab: Tab, expression: str) -> None:
    """Until it holds; Playwright's own would need `eval`, which the page does not allow."""
    for _ in range(600):
        if tab.evaluate(expression):
            return
        tab.wait_for_timeout(200)
    raise AssertionError(expression)


def predict(tab: Tab) -> None:
    tab.click("#predict")
    tab.wait_for_selector("#result")


@pytest.fixture
def folder(plate: dict[str, bytes], tmp_path: Path) -> Path:
    """The two cultures, and beside them what is no image, one that is broken, and one twice."""
    root = written(plate, tmp_path)
    (root / "odd").mkdir()
    (root / "odd" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (root / "odd" / "notes.txt").write_text("from Monday")
    first = next(iter(plate.values()))
    for name in ("one.png", "again.png"):
        (root / "odd" / name).write_bytes(first)
    return root


def test_a_folder_is_dropped_the_result_read_and_kept(
    open_tab: Callable[..., Tab], folder: Path, tmp_path: Path
) -> None:
    tab = open_tab()
    drop(tab, folder)
    checked = tab.inner_text("#checked")
    assert "9 images in 3 cultures, 2 left out." in checked
    assert "odd/broken.png: " in checked
    assert f"{CULTURES[0]} and odd: 1 image in common, such as " in checked
    assert "odd/one.png: identical to odd/again.png, which counts" in checked
    predict(tab)
    headings = [text.partition(" ")[0] for text in tab.locator("#result h3").all_inner_texts()]
    assert headings == [*CULTURES, "odd"]
    assert re.fullmatch(r"\w+ \d+ %, \d+ to \d+ \(95 % interval\)", tab.locator(".sentence").first.inner_text())
    with tab.expect_download() as download:
        tab.click("text=CSV of images")
    download.value.save_as(tmp_path / "kept.csv")
    kept = pd.read_csv(tmp_path / "kept.csv")
    assert set(kept["population"]) == {*CULTURES, "odd"}
    with tab.expect_download() as download:
        tab.click("text=Page to keep")
    download.value.save_as(tmp_path / "kept.html")
    assert "Composition of plate" in (tmp_path / "kept.html").read_text(encoding="utf-8")

    sure = [float(text.split()[1]) for text in tab.locator(".card strong").all_inner_texts()]
    assert sure == sorted(sure)
    for card in tab.locator(".card").all():
        card.scroll_into_view_if_needed()  # before that its pictures are not asked for
    wait_for(tab, "[...document.querySelectorAll('.card img')].every((one) => one.naturalWidth)")
    tab.locator("#opacity").fill("80")
    assert tab.evaluate("getComputedStyle(document.querySelector('.heat')).opacity") == "0.8"
    tab.select_option("#culture", "odd")
    tab.click("#images button:has-text('Show')")
    assert tab.locator(".card").count() == 1
    tab.click(".card a")
    assert tab.locator("tbody tr").count() == 3
    tab.click("text=Back to the images")
    assert tab.input_value("#culture") == "odd"
    assert tab.outside == []


def test_a_folder_is_chosen(open_tab: Callable[..., Tab], folder: Path) -> None:
    tab = open_tab()
    with tab.expect_file_chooser() as chooser:
        tab.click("[data-opens=pick-folder]")
    chooser.value.set_files(folder)
    tab.wait_for_selector("#checked")
    assert "9 images in 3 cultures, 2 left out." in tab.inner_text("#checked")


def test_a_bad_file_alone_is_told_and_another_goes_on(open_tab: Callable[..., Tab], folder: Path) -> None:
    tab = open_tab()
    drop(tab, folder / "odd" / "broken.png")
    assert "no image could be read" in tab.inner_text("#checked")
    assert not tab.locator("#predict").count()
    drop(tab, folder / CULTURES[0])
    tab.wait_for_selector("#predict")
    assert "4 images in 1 culture." in tab.inner_text("#checked")


def test_work_goes_on_while_the_page_is_reloaded(open_tab: Callable[..., Tab], folder: Path) -> None:
    tab, other = open_tab(), open_tab()
    drop(tab, folder)
    tab.click("#predict")
    tab.reload()
    tab.wait_for_selector("#result")
    other.reload()
    assert not other.locator("#checked, #result").count()


def test_what_was_brought_and_not_looked_at_can_be(open_tab: Callable[..., Tab], folder: Path, page: Page) -> None:
    tab = open_tab()
    held = threading.Event()
    page.desk.checks.submit(Job("looking at"), lambda _: held.wait(300))
    try:
        drop(tab, folder / CULTURES[0], until="#words:has-text('Waiting for 1 job of others')")
        tab.click("#cancel")
        tab.click("text=Look at the images")
        tab.wait_for_selector("#words:has-text('Waiting for 1 job of others')")
    finally:
        held.set()
    tab.wait_for_selector("#checked:focus:has-text('4 images in 1 culture.')")  # from where the keyboard goes on


def test_a_folder_without_files_is_told_of(open_tab: Callable[..., Tab], tmp_path: Path) -> None:
    tab = open_tab()
    (tmp_path / "nothing").mkdir()
    drop(tab, tmp_path / "nothing")
    assert tab.inner_text("#line") == "No file was in what was dropped."


def test_work_is_cancelled(open_tab: Callable[..., Tab], folder: Path, page: Page) -> None:
    first, tab = open_tab(), open_tab()
    held = threading.Event()
    page.desk.predictions.submit(Job("predicting"), lambda _: held.wait(300))
    try:
        drop(tab, folder)
        tab.click("#predict")
        tab.wait_for_selector("#words:has-text('Waiting for 1 job of others')")
        tab.click("#cancel")
        tab.wait_for_selector("text=Cancelled.")
    finally:
        held.set()
    assert not tab.locator("#result").count()
    drop(first, folder)
    predict(first)


def test_the_keyboard_is_enough(open_tab: Callable[..., Tab], images_root: Path) -> None:
    tab = open_tab()

    def go_to(selector: str) -> None:
        for _ in range(60):
            tab.keyboard.press("Tab")
            if tab.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"{selector} is not reached")

    go_to("[data-opens=pick-folder]")
    go_to("#path")
    tab.keyboard.type(str(next(path for path in images_root.rglob(CULTURES[0]) if "Test" in str(path))))
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#predict")
    go_to("#predict")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#result")
    go_to("a[download='predictions.csv']")
    with tab.expect_download():
        tab.keyboard.press("Enter")
    go_to("#opacity")
    tab.keyboard.press("End")
    assert tab.evaluate("getComputedStyle(document.querySelector('.heat')).opacity") == "1"


@pytest.mark.parametrize(("width", "scheme"), [("desktop", "light"), ("phone", "dark")])
@pytest.mark.slow
def test_the_pages_are_accessible(open_tab: Callable[..., Tab], folder: Path, width: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-core").Axe()
    tab = open_tab(*WIDTHS[width], color_scheme=scheme, bypass_csp=True)

    def no_violation() -> None:
        found = axe.run(tab)
        assert found.violations_count == 0, found.generate_report()
        assert tab.evaluate("document.documentElement.scrollWidth") <= WIDTHS[width][0]

    no_violation()
    drop(tab, folder)
    no_violation()
    predict(tab)
    no_violation()
    for address in ("/image/0", "/studies"):
        tab.goto(tab.url.partition("?")[0].rstrip("/") + address)
        no_violation()
        tab.go_back()
    assert tab.outside == []
