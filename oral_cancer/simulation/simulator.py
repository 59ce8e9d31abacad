"""Simulated phase-contrast micrographs of adherent cells: one field.

A field is painted as a map of optical thickness: flattened cells, nuclei, nucleoli, granules. Phase contrast
shows a thickness against its own blurred surroundings, because the condenser's ring is not infinitely thin.
That makes cells dark, the ground about them bright (the halo) and, where the phase turns over, thick round
cells bright too.

The same seed gives the same pixels on every machine: pictures are 8- and 16-bit integers throughout; OpenCV
is used only where it is bit-exact (polygons in fixed point, Gaussian blur of 8-bit pictures with the accurate
hint, INTER_LINEAR_EXACT, tables); random numbers are integers or `Generator.random`; geometry is rounded to
1/16 px.
"""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from oral_cancer.simulation.cell_shapes import (
    KINDS,
    TURN,
    Cells,
    Floats,
    Range,
    cosine,
    magnification,
    polar,
    settle,
    uniform,
)
from oral_cancer.simulation.published import LABELS

VERSION = 1  # raise it whenever the pixels change

Picture = NDArray[np.uint8]
Levels = NDArray[np.int16]

SHIFT = 4  # fractional bits of drawing coordinates
MIXTURE_TOTALS = (12, 24, 36, 48)  # multiples of 12, so that thirds and quarters are whole cells
CLASS_TOTALS = {"parental": (12, 44), "resistant": (16, 72), "control": (16, 72)}  # log-uniform
# Grey level, about the ground's, for a thickness above or below that of the surroundings.
TONE = ((-400, 130), (-140, 112), (-50, 62), (0, 0), (140, -64), (200, -54), (320, 60), (500, 95), (800, 115))
TINT = {"control": ((0.84, 0.92), (0.95, 1.0), (1.08, 1.16))}
GREY_TINT = ((0.97, 1.03), (0.99, 1.02), (0.95, 1.01))


def cell_counts(label: str, rng: np.random.Generator) -> dict[str, int]:
    """How many cells of each kind one field of a class or mixture holds; a mixture's ratio is exact."""
    if label in LABELS.mixtures:
        total = int(rng.choice(MIXTURE_TOTALS))
        shares = zip(LABELS.classes, LABELS.mixtures[label], strict=True)
        counts = {kind: round(total * float(share)) for kind, share in shares if share}
    else:
        low, high = CLASS_TOTALS[label]
        counts = {label: round(low * (high / low) ** float(np.round(rng.random(), 3)))}
    return {**counts, "detached": int(rng.integers(0, 5))}


def draw_field(label: str, rng: np.random.Generator, size: tuple[int, int] = (640, 480)) -> Picture:
    """One simulated phase-contrast micrograph, uint8 RGB (height, width, 3).

    Args:
        label: a class or mixture of the published data set.
        rng: decides everything else about the picture.
        size: width and height in px; the same number of cells fills any size.
    """
    counts = cell_counts(label, rng)
    detached = counts.pop("detached")
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    rng.shuffle(kinds)
    cells = settle(kinds, rng, size)
    thickness = _adherent(cells, rng, size) + _floating(detached, rng, size)
    contrast = _phase_contrast(thickness, rng)
    grey = _exposed(contrast, rng, size)
    return _tinted(grey, TINT.get(label, GREY_TINT), rng)


def _blur(picture: Picture, sigma: float) -> Picture:
    """A Gaussian blur, wide ones at a lower resolution; `sigma`, as all lengths here, in px of 640 x 480."""
    height, width = picture.shape
    deviation = sigma * magnification((width, height))
    if deviation > 2.5:
        return _resized(_blur(_resized(picture, (width // 2, height // 2)), sigma), (width, height))
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), deviation, hint=cv2.ALGO_HINT_ACCURATE), np.uint8)


def _resized(picture: Picture, size: tuple[int, int]) -> Picture:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR_EXACT), np.uint8)


def _fixed(lengths: ArrayLike) -> NDArray[np.int32]:
    return np.round(np.asarray(lengths) * (1 << SHIFT)).astype(np.int32)


def _fill(canvas: Picture, outline: NDArray[np.int32], level: int | np.int64) -> None:
    cv2.fillPoly(canvas, [outline], int(level), cv2.LINE_8, SHIFT)


def _dots(canvas: Picture, dots: Floats, levels: NDArray[np.int64]) -> None:
    """Paint discs (N, 3), x, y and radius, in levels (N,)."""
    for (x, y, radius), level in zip(_fixed(dots).tolist(), levels.tolist(), strict=True):
        cv2.circle(canvas, (x, y), max(radius, 1), level, -1, cv2.LINE_8, SHIFT)


def _scattered(rng: np.random.Generator, size: tuple[int, int], count: int, radius: Range) -> Floats:
    """Discs (count, 3) anywhere in the field."""
    radii = magnification(size) * uniform(rng, radius, (count, 1))
    return np.concatenate([size * rng.random((count, 2)), radii], axis=1)


def _noise(rng: np.random.Generator, size: tuple[int, int], grain: float, smoothing: float = 0) -> Levels:
    """Noise that changes over about `grain` px, int16 (height, width) in +-128."""
    grain *= magnification(size)
    coarse = _bytes(rng, (max(2, round(size[0] / grain)), max(2, round(size[1] / grain))))
    noise = _resized(coarse, size)
    return (_blur(noise, smoothing) if smoothing else noise).astype(np.int16) - 128


def _bytes(rng: np.random.Generator, size: tuple[int, int]) -> Picture:
    width, height = size
    return np.frombuffer(rng.bytes(width * height), np.uint8).reshape(height, width)


def _bare(size: tuple[int, int]) -> Picture:
    return np.zeros(size[::-1], np.uint8)


def _adherent(cells: Cells, rng: np.random.Generator, size: tuple[int, int]) -> Levels:
    """Optical thickness of the adherent cells, int16 (height, width), 0 on the bare ground to about 700."""
    sheet, plateau, dome, nuclei = (_bare(size) for _ in range(4))
    middles = cells.middles[:, None]
    nested = [_fixed(middles + share * (cells.outlines - middles)) for share in (1.0, 0.74, 0.45)]
    ovals = _fixed(cells.nuclei)
    for i, kind in enumerate(cells.kinds):
        layers = zip((sheet, plateau, dome), nested, KINDS[kind].thickness, strict=True)
        for canvas, outlines, bounds in layers:
            _fill(canvas, outlines[i], rng.integers(*bounds))
        level = int(rng.integers(80, 140))
        _fill(nuclei, ovals[i], level)
        cv2.polylines(nuclei, [ovals[i]], True, level + 40, 1, cv2.LINE_8, SHIFT)
    nucleoli = cells.nucleoli[np.arange(3) < rng.integers(1, 4, (len(cells.kinds), 1))]
    _dots(nuclei, nucleoli, rng.integers(160, 256, len(nucleoli)))
    body = _blur(sheet, 1.1).astype(np.int16)
    middle = _blur(plateau, 4.5).astype(np.int16)
    grain = _granules(cells, rng, size) + _noise(rng, size, 2.2) // 4 + _noise(rng, size, 7) // 3
    total = body * 3 // 2 + 2 * middle + _blur(dome, 8)
    total += np.minimum(body + middle, 120) * (grain // 2) // 64
    total += _blur(nuclei, 1) // 2
    return total


def _granules(cells: Cells, rng: np.random.Generator, size: tuple[int, int]) -> Levels:
    """Granules (thick) and vesicles (thin) of the cytoplasm, int16 in +-256, densest about the nucleus."""
    shape = (len(cells.kinds), 70)
    rows = np.arange(shape[0])[:, None]
    from_nucleus = cells.nuclei[rows, rng.integers(0, cells.nuclei.shape[1], shape)]
    to_border = cells.outlines[rows, rng.integers(0, cells.outlines.shape[1], shape)]
    depth = (0.8 * rng.random(shape) * rng.random(shape))[..., None]
    x, y = (from_nucleus + depth * (to_border - from_nucleus)).reshape(-1, 2).astype(np.int64).T
    inside = (x >= 0) & (x < size[0]) & (y >= 0) & (y < size[1])
    canvas = np.full(size[::-1], 128, np.uint8)
    canvas[y[inside], x[inside]] = rng.integers(0, 256, int(inside.sum()))
    return _blur(canvas, 0.8).astype(np.int16) * 2 - 256


def _floating(detached: int, rng: np.random.Generator, size: tuple[int, int]) -> Levels:
    """Optical thickness of specks and of rounded cells above the others, int16 (height, width), 0 to 1150."""
    canvas = _bare(size)
    specks = _scattered(rng, size, int(rng.integers(4, 12)) ** 2 // 2, (0.4, 1.6))
    _dots(canvas, specks, rng.integers(60, 256, len(specks)))
    ring = np.arange(0, TURN, 8)
    for _ in range(detached):
        reach = magnification(size) * uniform(rng, (9, 18)) * np.ones(len(ring))
        for wave in (2, 3, 5):
            reach *= 1 + uniform(rng, (0, 0.05)) * cosine(wave * ring + rng.integers(TURN))
        _fill(canvas, _fixed(size * rng.random(2) + reach[:, None] * polar(ring)), rng.integers(150, 256))
    rim, inside = _blur(canvas, 1.1).astype(np.int16), _blur(canvas, 4).astype(np.int16)
    return rim * 3 // 2 + inside * 3 + rim * (_noise(rng, size, 5) // 4) // 64


def _phase_contrast(thickness: Levels, rng: np.random.Generator) -> Levels:
    """Grey levels about the ground's, int16, that phase contrast makes of a thickness."""
    coarse = np.clip(thickness // 4, 0, 255).astype(np.uint8)
    near = _blur(coarse, 4).astype(np.int16)
    far = _blur(coarse, float(uniform(rng, (14, 22)))).astype(np.int16)
    difference = thickness - 2 * near - far * int(rng.integers(12, 22)) // 16
    return np.asarray(_tone_table()[np.clip(difference, -400, 799) + 400])


def _tone_table() -> Levels:
    """Grey level for each difference of thickness from -400 to 799, int16 (1200,)."""
    pieces = []
    for (x0, y0), (x1, y1) in pairwise(TONE):
        pieces.append(y0 + (np.arange(x0, x1) - x0) * (y1 - y0) // (x1 - x0))
    return np.concatenate(pieces).astype(np.int16)


def _exposed(contrast: Levels, rng: np.random.Generator, size: tuple[int, int]) -> Picture:
    """The camera's picture: uneven light, dust, focus and sensor noise."""
    light = int(rng.integers(118, 166)) + _noise(rng, size, 300, 40) // 7
    ground = light + _noise(rng, size, 9, 4) // 20 - _dust(rng, size) // 8
    gain = int(rng.integers(48, 83))
    picture = np.clip(ground + contrast * gain // 64, 0, 255).astype(np.uint8)
    picture = _blur(picture, float(uniform(rng, (0.5, 1.2))))
    noise = (_bytes(rng, size) // 4).astype(np.int16) + _bytes(rng, size) // 4 - 63
    return np.clip(picture + noise // int(rng.integers(8, 16)), 0, 255).astype(np.uint8)


def _dust(rng: np.random.Generator, size: tuple[int, int]) -> Picture:
    """Shadows of dust far out of focus, uint8 (height, width)."""
    canvas = _bare(size)
    dust = _scattered(rng, size, int(rng.integers(0, 5)), (5, 18))
    _dots(canvas, dust, rng.integers(50, 160, len(dust)))
    return _blur(canvas, 6)


def _tinted(grey: Picture, tint: tuple[tuple[float, float], ...], rng: np.random.Generator) -> Picture:
    """Grey levels seen through the lamp's and the medium's colour, uint8 RGB."""
    gains = np.array([int(256 * uniform(rng, bounds)) for bounds in tint])
    table = np.minimum(np.arange(256)[:, None] * gains // 256, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(cv2.merge([grey] * 3), table[None]), np.uint8)
