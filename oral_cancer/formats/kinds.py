"""Which kinds of image files there are, which of them are read, and by what."""

import re
from collections.abc import Callable

from PIL import Image

from oral_cancer.formats.bmp import SIGNATURE as BMP
from oral_cancer.formats.bmp import open_bmp
from oral_cancer.formats.czi import SIGNATURE as CZI
from oral_cancer.formats.czi import open_czi
from oral_cancer.formats.jpeg import SIGNATURE as JPEG
from oral_cancer.formats.jpeg import open_jpeg
from oral_cancer.formats.nd2 import SIGNATURE as ND2
from oral_cancer.formats.nd2 import open_nd2
from oral_cancer.formats.picture import MAX_PIXELS, Choice, Picture, Unreadable, Values, pixels
from oral_cancer.formats.png import SIGNATURE as PNG
from oral_cancer.formats.png import open_png
from oral_cancer.formats.tiff import SIGNATURES as TIFF
from oral_cancer.formats.tiff import open_tiff

Opener = Callable[[bytes], Picture]

SUFFIXES = (
    ".tif",
    ".tiff",
    ".btf",
    ".tf8",
    ".stk",
    ".lsm",
    ".png",
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".bmp",
    ".czi",
    ".nd2",
)
"""Of files that are taken for images that can be read; what they are their first bytes say."""
OTHER_IMAGES = frozenset(
    [
        ".gif",
        ".webp",
        ".jp2",
        ".j2k",
        ".jxl",
        ".jxr",
        ".heic",
        ".heif",
        ".avif",
        ".ppm",
        ".pgm",
        ".pnm",
        ".exr",
        ".fits",
        ".psd",
        ".svg",
        ".eps",
        ".dcm",
        ".nii",
        ".mrc",
        ".dm3",
        ".dm4",
        ".lif",
        ".lof",
        ".oib",
        ".oif",
        ".oir",
        ".vsi",
        ".ets",
        ".zvi",
        ".ims",
        ".mvd2",
        ".ics",
        ".ids",
        ".nd",
        ".nd2tmp",
        ".flex",
        ".c01",
        ".dib",
        ".tga",
        ".pbm",
        ".svs",
        ".ndpi",
        ".scn",
        ".mrxs",
        ".bif",
        ".cr2",
        ".nef",
        ".arw",
        ".dng",
        ".raw",
        ".h5",
        ".hdf5",
        ".zarr",
        ".npy",
        ".avi",
        ".mp4",
        ".mov",
        ".mkv",
    ]
)
"""Suffixes of images and films of kinds that are not read."""
REMEDY = "export it as TIFF or PNG"

_OPENERS: tuple[tuple[bytes, Opener], ...] = (
    (PNG, open_png),
    (JPEG, open_jpeg),
    *((signature, open_tiff) for signature in TIFF),
    (CZI, open_czi),
    (ND2, open_nd2),
    (BMP, open_bmp),
)
_OTHERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"GIF8", "a GIF image"),
    (0, b"RIFF", "a WebP image or a film"),
    (0, b"\0\0\0\x0cjP", "a JPEG 2000 image (or an ND2 file of before 2010)"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (0, b"\xff\x0a", "a JPEG XL image"),
    (4, b"ftyphei", "a HEIC image"),
    (4, b"ftypmif1", "a HEIC image"),
    (4, b"ftypavif", "an AVIF image"),
    (4, b"ftyp", "a film"),
    (128, b"DICM", "a DICOM file"),
    (0, b"\x70\0\0\0", "a Leica LIF file"),
    (0, b"\xd0\xcf\x11\xe0", "an Olympus OIB or a Zeiss ZVI file"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"8BPS", "a Photoshop file"),
)
"""Kinds that are not read, by bytes at a place."""
_POINTER = b"version https://git-lfs"


def read_values(data: bytes, choice: Choice) -> tuple[Picture, Values]:
    """What a file is, and the raw values of what is chosen of it.

    Args:
        data: the whole file.
        choice: of planes and channels.

    Returns:
        The opened file and its values, upright: (H, W), or (H, W, 3) in red, green and blue.

    Raises:
        Unreadable: with the reason, for whatever does not give the whole right picture.
    """
    if not data:
        raise Unreadable("the file is empty")
    opener = next((opener for signature, opener in _OPENERS if data.startswith(signature)), None)
    if opener is None:
        if data.startswith(_POINTER):
            raise Unreadable("not the image but a pointer of Git LFS to it; fetch it with `git lfs pull`")
        other = next((name for at, signature, name in _OTHERS if data.startswith(signature, at)), None)
        raise Unreadable(f"{other or 'not an image'}: not of a kind that is read ({_read()}); {REMEDY}")
    try:
        picture = opener(data)
        return picture, pixels(picture, choice)
    except Unreadable:
        raise
    except ImportError as error:
        extra = f"the extra `microscopes`, that is {error.name}"
        raise Unreadable(f"needs {extra}: pip install {error.name}, or {REMEDY}") from error
    except Image.DecompressionBombError as error:
        raise Unreadable(f"too many pixels; at most {MAX_PIXELS // 10**6} million can be read") from error
    except MemoryError as error:
        raise Unreadable("asks for more memory than there is: it is damaged, or too large") from error
    except Exception as error:  # the readers' own kinds, and what a damaged file provokes in them
        words = re.sub(r"<[\w.]+ object at 0x[0-9a-f]+>", "it", f"{type(error).__name__}: {error}")
        said = " ".join(words.split())[:120]
        raise Unreadable(f"the file is truncated, damaged, or of an unusual kind ({said})") from error


def _read() -> str:
    return "TIFF, PNG, JPEG, BMP, CZI, ND2"
