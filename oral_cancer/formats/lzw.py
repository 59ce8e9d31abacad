"""Quick decoding of sound LZW streams by libtiff, proven to have the right length.

libtiff takes two thirds of imagecodecs' own time, but reads no further than it is asked to, so that a stream of too
many bytes passes. Therefore the code at each stream's end is replaced by a mark: in a sound stream, and in no other,
the mark's bytes follow those of the pixels.
"""

import struct
from collections.abc import Sequence

import imagecodecs
import numpy as np
from numpy.typing import NDArray

_CLEAR, _END = 256, 257  # codes of LZW; after the first, codes have 9 bits
_MARK = b"\x9b\x03LZW\xc5\x80\x1f"
_BITS = 9 * (len(_MARK) + 1)
_TAIL = int("".join(f"{code:09b}" for code in (*_MARK, _END)), 2)


def decode_sound(streams: Sequence[memoryview], size: int) -> NDArray[np.uint8] | None:
    """The bytes of streams of LZW that have `size` bytes each: uint8 (streams, size).

    Returns:
        None where they are not proven to be sound: each by its own, imagecodecs finds what is wrong, if anything.
    """
    try:
        found = imagecodecs.tiff_decode(_as_rows([_marked(stream) for stream in streams], size + len(_MARK)))
    except Exception:  # of its own kind
        return None
    rows = np.asarray(found).reshape(len(streams), -1)
    if rows.shape[1] != size + len(_MARK) or (rows[:, size:] != np.frombuffer(_MARK, np.uint8)).any():
        return None
    return rows[:, :size]


def _marked(stream: memoryview) -> bytes:
    """A stream whose end is put off by `_MARK`; a nonsensical one if it does not end in `_END`.

    `_END` is odd and nothing but zeros follows, so that the last bit of all that is set is its lowest.
    """
    last = int.from_bytes(stream[-4:], "big")
    unused = (last & -last).bit_length() - 1
    cleared = (last >> max(unused, 0)) ^ _END ^ _CLEAR
    bits = 8 * len(stream[-4:]) - unused + _BITS
    padded = (cleared << _BITS | _TAIL) << (-bits % 8)
    return b"".join((stream[:-4], padded.to_bytes((bits + 7) // 8, "big")))


def _as_rows(streams: Sequence[bytes], width: int) -> bytes:
    """A grey TIFF with a stream for each row."""
    count = len(streams)
    lengths = np.array([len(stream) for stream in streams], "<u4")
    tags = {256: width, 257: count, 258: 8, 259: 5, 262: 1, 273: 0, 277: 1, 278: 1, 279: 0}
    tables = 8 + 2 + 12 * len(tags) + 4
    starts = (tables + 8 * count + np.cumsum(lengths) - lengths).astype("<u4")
    for tag, at, values in ((273, tables, starts), (279, tables + 4 * count, lengths)):
        tags[tag] = at if count > 1 else int(values[0])
    entries = (struct.pack("<HHII", tag, 4, count if tag in (273, 279) else 1, tags[tag]) for tag in tags)
    head = (b"II*\0\x08\0\0\0", struct.pack("<H", len(tags)), *entries, bytes(4))
    return b"".join((*head, starts.tobytes(), lengths.tobytes(), *streams))
