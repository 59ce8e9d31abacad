"""One server and one small study for all tests of the page, and a browser where there is one."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from oral_cancer.app.server import make_app
from oral_cancer.app.sessions import Desk
from oral_cancer.app.shelf import Shelf
from oral_cancer.app.uploads import Limits
from tests.published import SPLIT_FOLDERS

LIMITS = Limits(max_images=55, max_mb=1, max_mb_in_all=3)
CULTURES = ("20X_TG2-WT1", "20X_TG3-WT1")
BROWSERS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")


class Page:
    """A page that is served in a thread of this process."""

    def __init__(self, desk: Desk, password: str = "") -> None:
        self.desk = desk
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(make_app(desk, "127.0.0.1", password), log_level="warning", ws="none")
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.server.run, args=([listening],), daemon=True)
        self._thread.start()

    def person(self, **options: Any) -> httpx.Client:
        """A client with a session of its own."""
        return httpx.Client(base_url=self.address, timeout=120, **options)

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(30)


@pytest.fixture(scope="session")
def shelf(trained: Path) -> Shelf:
    return Shelf([trained])


@pytest.fixture(scope="session")
def allowed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that may be read, beside the images, which other processes share and nobody changes."""
    return tmp_path_factory.mktemp("allowed")


@pytest.fixture(scope="session")
def desk(shelf: Shelf, images_root: Path, allowed: Path, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("room"), shelf, LIMITS, [images_root, allowed])


@pytest.fixture(scope="session")
def page(desk: Desk) -> Iterator[Page]:
    served = Page(desk)
    yield served
    served.stop()


@pytest.fixture(scope="session")
def plate(images_root: Path) -> dict[str, bytes]:
    """Two cultures of four images, by their paths as a browser sends them."""
    folder = images_root / SPLIT_FOLDERS["hetero", "test"]
    paths = [path for culture in CULTURES for path in sorted((folder / culture).iterdir())]
    return {f"plate/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in paths}


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    found = next((path for path in BROWSERS if Path(path).exists()), None)
    if found is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with playwright.sync_playwright() as running:
        launched = running.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


def written(files: dict[str, bytes], below: Path) -> Path:
    for name, content in files.items():
        (below / name).parent.mkdir(parents=True, exist_ok=True)
        (below / name).write_bytes(content)
    return below / "plate"
