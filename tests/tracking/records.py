"""What W&B has written of an offline run."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

BLOCK = 2**15  # bytes of LevelDB's log format, after whose end a record goes on with another header


def records(path: Path) -> list[Record]:
    """What a .wandb file holds, once W&B's service has ended it, for which nobody who ends a run waits."""
    for _ in range(100):
        found = list(_records(path))
        if any(record.HasField("exit") for record in found):
            return found
        time.sleep(0.1)
    raise TimeoutError(f"{path} has no end")


def _records(path: Path) -> Iterator[Record]:
    content, at, whole = path.read_bytes(), 7, b""
    while at + 7 <= len(content):
        if BLOCK - at % BLOCK < 7:
            at += BLOCK - at % BLOCK
            continue
        length, part = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
        if at + 7 + length > len(content):
            return  # which is being written
        whole += content[at + 7 : at + 7 + length]
        at += 7 + length
        if part in (1, 4):  # a whole record, or the last part of one
            yield Record.FromString(whole)
            whole = b""


def logged(path: Path) -> list[dict[str, Any]]:
    """The figures of each call of `log`."""
    return [_items(record.history.item) for record in records(path) if record.HasField("history")]


def _items(items: Any) -> dict[str, Any]:
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}


@dataclass(frozen=True)
class Logged:
    """An offline run.

    Attributes:
        folder: offline-run-...
    """

    folder: Path
    records: list[Record] = field(repr=False)

    @classmethod
    def of(cls, folder: Path) -> "Logged":
        (path,) = folder.glob("run-*.wandb")
        return cls(folder, records(path))

    def _all(self, kind: str) -> list[Any]:
        return [getattr(record, kind) for record in self.records if record.WhichOneof("record_type") == kind]

    @cached_property
    def config(self) -> dict[str, Any]:
        """But for W&B's own."""
        (run,) = self._all("run")
        return {key: value for key, value in _items(run.config.update).items() if not key.startswith("_wandb")}

    @property
    def job_type(self) -> str:
        return str(self._all("run")[0].job_type)

    @property
    def group(self) -> str:
        return str(self._all("run")[0].run_group)

    @cached_property
    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for summary in self._all("summary"):
            found |= _items(summary.update)
        return found

    @cached_property
    def history(self) -> list[dict[str, Any]]:
        return [_items(row.item) for row in self._all("history")]

    @cached_property
    def metrics(self) -> dict[str, Any]:
        return {metric.name: metric for metric in self._all("metric")}

    @cached_property
    def artifacts(self) -> dict[str, Any]:
        """By name; those of W&B's own tables left out."""
        return {one.name: one for one in self._all("artifact") if one.type != "run_table"}

    @property
    def alerts(self) -> list[Any]:
        return self._all("alert")

    @property
    def plots(self) -> set[str]:
        """The names of W&B's own plots."""
        keys = [list(item.nested_key) for config in self._all("config") for item in config.update]
        return {key[2] for key in keys if key[:2] == ["_wandb", "visualize"]}

    @property
    def sent(self) -> bytes:
        """All that can be sent: the log, and the run's own files."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and "logs" not in path.parts)
        return b"\n".join(path.read_bytes() for path in sorted(files))
