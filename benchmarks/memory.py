"""How much memory a piece of work takes."""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def private_peak() -> Iterator[list[int]]:
    """A list that ends with the bytes that the block took at its peak, in pages that no other process shares (Linux).

    Pages of memory-mapped files, such as the image store's, are shared and do not count. What was freed before goes
    back to the system first, lest the block take it unseen.
    """
    ctypes.CDLL(None).malloc_trim(0)
    before = _private_bytes()
    peak, result, done = [before], list[int](), threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak.append(_private_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield result
    finally:
        done.set()
        watcher.join()
        result.append(max(*peak, _private_bytes()) - before)


def _private_bytes() -> int:
    fields = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return int(fields["RssAnon"].split()[0]) * 1024
