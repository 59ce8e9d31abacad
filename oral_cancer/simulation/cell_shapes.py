"""Where simulated cells lie and what shape they have: polygons that touch but do not overlap.

Coordinates do not depend on the processor: they come from `Generator.random`, integers and a coarsely rounded
table of cosines by correctly rounded operations alone (+ - * / sqrt and comparisons).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Range = tuple[float, float]

TURN = 256  # table steps in a full turn
COSINE: Floats = np.round(np.cos(np.arange(TURN) * (2 * np.pi / TURN)) * 4096) / 4096
DIRECTIONS = np.arange(0, TURN, 4)  # an outline has one vertex in each of these 64 directions
NEIGHBOURS = 12
CANDIDATES = 16


@dataclass(frozen=True)
class Kind:
    """Ranges that a cell of one kind is drawn from; lengths in px of a 640 x 480 field.

    Attributes:
        radius: of the circle of the same area, before neighbours flatten it.
        elongation: length over width.
        tail: how far the two ends are drawn out, in radii.
        spread: how far protrusions in any direction reach beyond the body, in radii.
        facets: how near the straight edges of a spread cell come to its centre, in radii (far: round).
        ruffle: depth of the border's lobes, in radii.
        nucleus: its radius, in radii of the cell.
        straying: chance that the cell settles away from the others rather than beside one of them.
        crowding: distance to the cell beside which it settles, in sums of both radii.
        thickness: optical thickness of the margin, the plateau and the dome about the nucleus, 0 to 255.
    """

    radius: Range
    elongation: Range
    tail: Range
    spread: Range
    facets: Range
    ruffle: float
    nucleus: Range
    straying: float
    crowding: Range
    thickness: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


KINDS = {
    "parental": Kind(
        radius=(36, 54),
        elongation=(1.0, 1.6),
        tail=(0.0, 0.4),
        spread=(-0.15, 0.5),
        facets=(0.72, 1.15),
        ruffle=0.04,
        nucleus=(0.28, 0.35),
        straying=0.06,
        crowding=(0.68, 0.9),
        thickness=((36, 70), (25, 75), (40, 130)),
    ),
    "resistant": Kind(
        radius=(21, 31),
        elongation=(1.8, 3.6),
        tail=(0.1, 1.7),
        spread=(-0.05, 0.12),
        facets=(0.9, 1.8),
        ruffle=0.03,
        nucleus=(0.34, 0.42),
        straying=0.2,
        crowding=(0.72, 1.0),
        thickness=((43, 80), (35, 95), (90, 200)),
    ),
    "control": Kind(
        radius=(13, 19),
        elongation=(2.6, 4.6),
        tail=(0.6, 2.2),
        spread=(0.0, 0.1),
        facets=(2.0, 3.0),
        ruffle=0.03,
        nucleus=(0.3, 0.4),
        straying=0.35,
        crowding=(0.8, 1.2),
        thickness=((150, 240), (150, 240), (200, 255)),
    ),
}


@dataclass(frozen=True)
class Cells:
    """Adherent cells of one field, N of them; all lengths and positions in px, positions as (x, y).

    Attributes:
        kinds: names out of `KINDS`, in the order of the arrays' rows.
        centres: (N, 2), all inside the field; what a mixture's ratio counts.
        middles: (N, 2), of the nuclei.
        outlines: (N, 64, 2) vertices in the order of `DIRECTIONS`.
        nuclei: (N, 16, 2) vertices.
        nucleoli: (N, 3, 3) x, y and radius of spots in the nucleus.
    """

    kinds: tuple[str, ...]
    centres: Floats
    middles: Floats
    outlines: Floats
    nuclei: Floats
    nucleoli: Floats


def settle(kinds: Sequence[str], rng: np.random.Generator, size: tuple[int, int]) -> Cells:
    """Lay cells of the given kinds into a field of width x height px, in islands, and shape them."""
    scale = magnification(size)
    recipes = [KINDS[kind] for kind in kinds]
    radii = scale * uniform(rng, (0.88, 1.12)) * _drawn(rng, [kind.radius for kind in recipes])[:, 0]
    elongations = _drawn(rng, [kind.elongation for kind in recipes])
    flow, spread = rng.integers(TURN), int(rng.integers(12, TURN // 4))
    headings = (flow + rng.integers(-spread, spread + 1, len(kinds)))[:, None]
    centres = _centres(recipes, radii, rng, size)
    reach = radii[:, None] * _free_reach(recipes, elongations, headings, rng)
    reach = _pressed(reach, centres, rng, scale)
    outlines = centres[:, None] + reach[..., None] * polar(DIRECTIONS)

    middles = centres + 0.12 * radii[:, None] * uniform(rng, (-1, 1), centres.shape)
    nucleus_radii = radii[:, None] * _drawn(rng, [kind.nucleus for kind in recipes])
    ring = np.arange(0, TURN, TURN // 16)
    stretch = np.sqrt(np.minimum(elongations, 2.2))
    reach = nucleus_radii * _ellipse(ring - headings, stretch) * uniform(rng, (0.95, 1.05), (len(kinds), 16))
    nuclei = middles[:, None] + reach[..., None] * polar(ring)
    spots = middles[:, None] + 0.5 * nucleus_radii[..., None] * uniform(rng, (-1, 1), (len(kinds), 3, 2))
    dots = nucleus_radii * uniform(rng, (0.12, 0.24), (len(kinds), 3))
    nucleoli = np.concatenate([spots, dots[..., None]], axis=2)
    return Cells(tuple(kinds), centres, middles, outlines, nuclei, nucleoli)


def magnification(size: tuple[int, int]) -> float:
    """Lengths in a picture of this width and height over those at 640 x 480."""
    return math.sqrt(size[0] * size[1] / (640 * 480))


def uniform(rng: np.random.Generator, bounds: Range, shape: int | tuple[int, ...] | None = None) -> Floats:
    """Uniform numbers, the same to the last bit everywhere, which `Generator.uniform` does not promise."""
    low, high = bounds
    return np.asarray(low + (high - low) * rng.random(shape))


def cosine(steps: NDArray[np.int64]) -> Floats:
    """Cosine of angles given in steps of `TURN`."""
    return COSINE[steps % TURN]


def polar(steps: NDArray[np.int64]) -> Floats:
    """Unit vectors (..., 2) at angles given in steps of `TURN`."""
    return np.stack([cosine(steps), cosine(steps - TURN // 4)], axis=-1)


def _drawn(rng: np.random.Generator, bounds: Sequence[Range], count: int = 1) -> Floats:
    """`count` uniform numbers for each cell (N, count), within the bounds of its kind."""
    low, high = np.array(bounds).T[..., None]
    return np.asarray(low + (high - low) * rng.random((len(bounds), count)))


def _ellipse(angle: NDArray[np.int64], elongation: Floats) -> Floats:
    """Radius, by the angle to the long axis, of an ellipse of the unit circle's area."""
    along, across = cosine(angle), cosine(angle - TURN // 4)
    return np.asarray(1 / np.sqrt(along * along / elongation + across * across * elongation))


def _lobe(cosines: Floats) -> Floats:
    """The 64th power of the positive part, for a protrusion some 25 degrees wide."""
    power = np.maximum(cosines, 0)
    for _ in range(6):
        power = power * power
    return power


def _centres(recipes: Sequence[Kind], radii: Floats, rng: np.random.Generator, size: tuple[int, int]) -> Floats:
    """Centres (N, 2): each cell takes the first of a few random places that has room, or the roomiest."""
    field = np.array(size, float)
    centres = np.empty((len(radii), 2))
    for i, (kind, radius) in enumerate(zip(recipes, radii, strict=True)):
        margin = 0.5 * radius
        places = margin + (field - 2 * margin) * rng.random((CANDIDATES, 2))
        if i == 0:
            centres[i] = places[0]
            continue
        if rng.random() > kind.straying:
            host = rng.integers(0, i, CANDIDATES)
            distance = (radii[host] + radius) * uniform(rng, kind.crowding, CANDIDATES)
            beside = centres[host] + distance[:, None] * polar(rng.integers(0, TURN, CANDIDATES))
            inside = ((beside > margin) & (beside < field - margin)).all(axis=1)
            places = np.where(inside[:, None], beside, places)
        apart = places[:, None] - centres[:i]
        room = (np.sqrt(apart[..., 0] ** 2 + apart[..., 1] ** 2) / (radius + radii[:i])).min(axis=1)
        enough = room > 0.64
        centres[i] = places[enough.argmax() if enough.any() else room.argmax()]
    return centres


def _free_reach(
    recipes: Sequence[Kind], elongations: Floats, headings: NDArray[np.int64], rng: np.random.Generator
) -> Floats:
    """Distance from centre to border (N, 64), in radii, of lone cells: lobed ellipses, trimmed, drawn out."""
    n = len(recipes)
    reach = _ellipse(DIRECTIONS - headings, elongations)
    ruffle = np.array([kind.ruffle for kind in recipes])[:, None]
    for wave in range(2, 8):
        depth = ruffle * uniform(rng, (0, 2), (n, 1))
        reach *= 1 + depth * cosine(wave * DIRECTIONS + rng.integers(0, TURN, (n, 1)))
    facets = 6
    facing = np.arange(facets) * (TURN // facets) + rng.integers(0, 36, (n, facets)) + rng.integers(0, TURN, (n, 1))
    depth = _drawn(rng, [kind.facets for kind in recipes], facets)
    towards = cosine(DIRECTIONS - facing[..., None])
    reach = np.minimum(reach, (depth[..., None] / np.maximum(towards, 0.1)).min(axis=1))
    tails = _drawn(rng, [kind.tail for kind in recipes], 2)
    reach += tails[:, :1] * _lobe(cosine(DIRECTIONS - headings))
    reach += tails[:, 1:] * _lobe(cosine(DIRECTIONS - headings + TURN // 2))
    for _ in range(4):
        length = _drawn(rng, [kind.spread for kind in recipes])
        reach += length * _lobe(cosine(DIRECTIONS - rng.integers(0, TURN, (n, 1))))
    return np.asarray(reach)


def _pressed(reach: Floats, centres: Floats, rng: np.random.Generator, scale: float) -> Floats:
    """`reach` (N, 64) cut off shortly before the neighbours' begins, corners rounded, border frayed."""
    n = len(reach)
    step = centres[None] - centres[:, None]
    distance = np.sqrt(step[..., 0] ** 2 + step[..., 1] ** 2)
    distance[np.arange(n), np.arange(n)] = np.inf
    near = np.argsort(distance, axis=1, kind="stable")[:, : min(NEIGHBOURS, n - 1)]
    rows = np.arange(n)[:, None]
    gap = distance[rows, near]
    towards = step[rows, near] / np.maximum(gap, 1e-6)[..., None]
    unit = polar(DIRECTIONS)
    facing = towards[..., :1] * unit[:, 0] + towards[..., 1:] * unit[:, 1]
    nearest = facing.argmax(axis=2)
    mine = reach[rows, nearest]
    theirs = reach[near, (nearest + len(DIRECTIONS) // 2) % len(DIRECTIONS)]
    border = gap * mine / (mine + theirs) - scale * uniform(rng, (-0.6, 2.2), gap.shape)
    limit = np.where(facing > 0.05, border[..., None] / np.maximum(facing, 0.05), np.inf)
    reach = np.minimum(reach, limit.min(axis=1, initial=np.inf))
    reach = (np.roll(reach, 1, axis=1) + 2 * reach + np.roll(reach, -1, axis=1)) / 4
    return np.maximum(reach + scale * uniform(rng, (-0.6, 0.6), reach.shape), 2 * scale)
