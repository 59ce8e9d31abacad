"""The command that serves the page."""

import errno
import os
import signal
import socket
import threading
import webbrowser
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import uvicorn
from omegaconf import DictConfig

from oral_cancer.app.guard import is_loopback
from oral_cancer.app.rooms import temporary_room
from oral_cancer.app.server import make_app
from oral_cancer.app.sessions import Desk
from oral_cancer.app.shelf import Shelf
from oral_cancer.app.uploads import Limits
from oral_cancer.command import say
from oral_cancer.errors import Interrupted, UserError, refuse

PASSWORD = "ORAL_CANCER_PASSWORD"
"""In the environment, since command lines can be read by everybody on a computer."""
SHORTEST = 8  # characters of a password
OF_SERVER: dict[str, Any] = {
    "log_level": "warning",
    "proxy_headers": False,
    "server_header": False,
    "timeout_graceful_shutdown": 5,
    "ws": "none",
}


def serve(settings: DictConfig) -> None:
    """Serve the page until Ctrl-C.

    Args:
        settings: those of conf/app.yaml.

    Raises:
        UserError: for an address that others can reach and no password, one that is taken, folders that are not there.
    """
    password = settings.password or os.environ.get(PASSWORD, "")
    local = is_loopback(settings.host)
    if not local and not password:
        raise UserError(f"host={settings.host}: others could use the page; give {PASSWORD} in the environment")
    if 0 < len(password) < SHORTEST:
        raise UserError(f"{PASSWORD}: is too short; give one of at least {SHORTEST} characters")
    given = [Path(folder) for folder in settings.folders or ()]
    refuse([f"folders={folder}: is no folder; give one that holds images" for folder in given if not folder.is_dir()])
    allowed = given or ([Path.home()] if local else [])
    shelf = Shelf([Path(folder) for folder in settings.studies], settings.trust)
    limits = Limits(settings.max_images, settings.max_mb, settings.max_mb_in_all)
    listening = _listening(settings.host, settings.port)
    say(*absent(shelf), style="yellow")
    signal.signal(signal.SIGTERM, _stop)  # obeyed once uvicorn has ended what it was about
    with temporary_room() as room:
        app = make_app(Desk(room, shelf, limits, allowed), settings.host, password)
        config = uvicorn.Config(app, **OF_SERVER)
        address = f"http://{_shown(settings.host)}:{listening.getsockname()[1]}/"
        if not shelf.offers():
            said = ", ".join(map(str, shelf.folders))
            say(f"there is no finished study below {said}; train one, or give studies=<folder>", style="yellow")
        say(f"the page: {address} (Ctrl-C ends it)")
        if not local:
            say(
                "whoever reaches this address and knows the password can use this computer's models, and read images "
                f"below {', '.join(map(str, allowed)) or 'no folder of it'}; what is sent is not encrypted",
                style="yellow",
            )
        if settings.open:
            threading.Timer(1.0, webbrowser.open, [address]).start()
        uvicorn.Server(config).run([listening])


def absent(shelf: Shelf) -> list[str]:
    """A line for each folder of results that is not there; all are refused where none of them has a study.

    Raises:
        UserError: in that case.
    """
    remedy = "give the folder that holds studies, or train one first: oral-cancer train study=demo"
    lines = [f"studies={folder}: is no folder; {remedy}" for folder in shelf.folders if not folder.is_dir()]
    if not shelf.studies():
        empty = [f"studies={folder}: holds no study; {remedy}" for folder in shelf.folders if folder.is_dir()]
        raise UserError(*lines, *empty)
    return lines


def _stop(number: int, _: FrameType | None) -> NoReturn:
    raise Interrupted(signal.Signals(number), "start again with `oral-cancer app`")


def _listening(host: str, port: int) -> socket.socket:
    """A socket of the page.

    Raises:
        UserError: where there is none to be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        of_port = error.errno in (errno.EADDRINUSE, errno.EACCES)
        # what the system says of it, without what Python adds of the address, which stands before it
        said = (error.strerror or str(error)).partition(" (while attempting")[0]
        remedy = "give port=0 for any that is free" if of_port else "give a host= of this computer"
        raise UserError(f"host={host} port={port}: {said}; {remedy}") from error


def _shown(host: str) -> str:
    """How a browser names the address."""
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
