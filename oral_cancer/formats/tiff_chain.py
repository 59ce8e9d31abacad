"""The chain of a TIFF file's pages; tifffile leaves out pages that a damaged one does not lead to."""

import struct

from oral_cancer.formats.picture import Unreadable

_MOST_TAGS = 4096  # of a page; tifffile takes more for damage


def insist_on_whole_chain(data: bytes) -> None:
    """Raise Unreadable where the chain of the pages in a whole TIFF file's bytes breaks off or goes round."""
    order = "<" if data.startswith(b"II") else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    link, head, entry = (order + "Q", order + "Q", 20) if big else (order + "I", order + "H", 12)
    place = 8 if big else 4
    seen = set()
    while at := _number(data, link, place):
        if at in seen:
            raise Unreadable("the file is damaged: its pages refer to each other in a circle")
        if at >= len(data):
            raise Unreadable("the file is truncated: it refers to a page that is missing")
        seen.add(at)
        tags = _number(data, head, at)
        if not 0 < tags <= _MOST_TAGS:
            raise Unreadable(f"the file is damaged: page {len(seen) - 1} has {tags} tags")
        place = at + struct.calcsize(head) + tags * entry
    if not seen:
        raise Unreadable("the file is damaged: it holds no image")


def _number(data: bytes, form: str, at: int) -> int:
    if at + struct.calcsize(form) > len(data):
        raise Unreadable("the file is truncated")
    return int(struct.unpack_from(form, data, at)[0])
