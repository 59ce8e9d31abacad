"""The chain of a TIFF file's pages, and their tags.

tifffile leaves out tags that are damaged, for which it then takes defaults, and pages to which a damaged link should
lead.
"""

import struct

from oral_cancer.formats.picture import Unreadable

_MOST_TAGS = 4096  # of a page; tifffile takes more for damage
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of a value, by its kind."""
_PRIVATE = 32768  # and above: whoever wrote them knows of what kinds they are


def insist_on_whole_chain(data: bytes) -> None:
    """Raise Unreadable where the chain of the pages in a whole TIFF file's bytes breaks off, or a tag's value lacks."""
    order = "<" if data.startswith(b"II") else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    link, head, entry = (
        (order + "Q", order + "Q", order + "HHQQ") if big else (order + "I", order + "H", order + "HHII")
    )
    place = 8 if big else 4
    seen: set[int] = set()
    while at := _number(data, link, place):
        if at in seen:
            raise Unreadable("the file is damaged: its pages refer to each other in a circle")
        if at >= len(data):
            raise Unreadable("the file is truncated: it refers to a page that is missing")
        seen.add(at)
        count = _number(data, head, at)
        if not 0 < count <= _MOST_TAGS:
            raise Unreadable(f"the file is damaged: page {len(seen) - 1} has {count} tags")
        start = at + struct.calcsize(head)
        place = start + count * struct.calcsize(entry)
        if place + struct.calcsize(link) > len(data):
            raise Unreadable("the file is truncated")
        for tag, kind, values, offset in struct.iter_unpack(entry, data[start:place]):
            _insist_on_value(tag, kind, values, offset, struct.calcsize(link), len(data))
    if not seen:
        raise Unreadable("the file is damaged: it holds no image")


def _insist_on_value(tag: int, kind: int, values: int, offset: int, room: int, length: int) -> None:
    """Raise Unreadable for a value of an unknown kind, or one that has no room in its entry and is beyond the file."""
    size = values * _SIZES.get(kind, 0)
    if size > room and offset + size > length:
        raise Unreadable(f"the file is truncated: the value of its tag {tag} is missing")
    if tag < _PRIVATE and kind not in _SIZES:
        raise Unreadable(f"the file is damaged: its tag {tag} is of the unknown kind {kind}")


def _number(data: bytes, form: str, at: int) -> int:
    if at + struct.calcsize(form) > len(data):
        raise Unreadable("the file is truncated")
    return int(struct.unpack_from(form, data, at)[0])
