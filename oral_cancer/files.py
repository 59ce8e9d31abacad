"""Files that are whole or absent: written beside their place and renamed. Some are sealed, so that damage shows."""

import hashlib
import json
import os
import re
import socket
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from oral_cancer.errors import UserError


def refuse_file(option: str, folder: Path) -> None:
    """UserError where something that is no folder lies where a folder is to be made, or above it."""
    lowest = next((path for path in (folder, *folder.parents) if path.exists()), Path())
    if not lowest.is_dir():
        raise UserError(f"{option}={folder}: {lowest} is no folder; choose another")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to instead of `path`, in the same folder; on success it takes the place of `path`.

    What a writer left there that was killed on this machine is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    here = f"{zlib.crc32(socket.gethostname().encode()):08x}"
    for left in unfinished(path):
        _, machine, process = left.name.rsplit(".", 2)
        if machine == here and not _lives(int(process)):
            left.unlink(missing_ok=True)
    beside = path.with_name(f".{path.name}.{here}.{os.getpid()}")
    try:
        yield beside
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def unfinished(path: Path) -> list[Path]:
    """What `replacing` gave instead of `path` and is still there: of writers at work, or killed."""
    name = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.\d+")
    return [beside for beside in path.parent.iterdir() if name.fullmatch(beside.name)]


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    return True


@contextmanager
def sole_writer(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Be the only process that writes in a folder, which is made; `say` is told where another one is waited for."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        say(f"waiting for the process that builds {folder}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` as it is."""
    with replacing(path) as beside:
        beside.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with line ends as they are."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON; NaN is refused, since JSON has none."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


SEAL = "sha256"


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """`content` with the checksum of the rest as its last entry; JSON and YAML bring it back unchanged."""
    rest = {key: value for key, value in content.items() if key != SEAL}
    return rest | {SEAL: _seal(rest)}


def unsealed(content: Any) -> dict[str, Any]:
    """What `sealed` was given.

    Raises:
        ValueError: where the checksum is missing or does not fit the rest.
    """
    if not isinstance(content, dict) or content.get(SEAL) != _seal({k: v for k, v in content.items() if k != SEAL}):
        raise ValueError("its checksum does not fit its content")
    return {key: value for key, value in content.items() if key != SEAL}


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seal(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def below(path: Any) -> bool:
    """Whether this is a relative path that does not climb: from whatever folder, it names something below that."""
    if not isinstance(path, str) or path.startswith("/") or "\0" in path:
        return False
    parts = path.split("/")
    return ".." not in parts and any(part not in ("", ".") for part in parts)
