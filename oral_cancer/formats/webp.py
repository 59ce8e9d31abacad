"""WebP streams in TIFF files."""

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from oral_cancer.formats.picture import Unreadable


def decoded(data: bytes, out: NDArray[np.generic]) -> NDArray[np.generic]:
    """The pixels of a WebP, in `out`, (H, W, 3), or with alpha (H, W, 4).

    Its decoder passes over what follows, so that the length that the header gives is compared.

    Raises:
        Unreadable: for a stream that is shorter or longer than it says.
        Exception: of many kinds, for a stream that does not decode, or gives another shape or type.
    """
    if data.startswith(b"RIFF") and 8 + int.from_bytes(data[4:8], "little") != len(data):
        raise Unreadable("the file is damaged: its WebP data have another length than they say")
    return np.asarray(imagecodecs.webp_decode(data, hasalpha=out.shape[-1] == 4, out=out))
