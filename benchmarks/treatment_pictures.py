#!/usr/bin/env python3
"""A sheet of simulated fields, and what each published treatment makes of them.

python -m benchmarks.treatment_pictures docs/images/treatments.jpg
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.augmented import Picture, Titled, sheet
from oral_cancer.data.resizing import resized
from oral_cancer.experiments import compose_settings
from oral_cancer.resampling.distances import squared_distances
from oral_cancer.resampling.interpolation import borderline_weights
from oral_cancer.simulation.simulator import draw_field

SIDE, EACH = 300, 20  # pixels of an image, images of a label
SHOWN = 2  # examples of what is made or taken out
MINORITY, MAJORITY = "3:1", "parental"  # as conf/resampling/borderline_smote.yaml pairs them
CLEANED, OTHER = "3:1", "2:1"  # as conf/resampling/enn_ros.yaml does


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sheet", type=Path, help="the file to write")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    rng = np.random.default_rng(chosen.seed)
    fields = {
        name: np.stack([resized(draw_field(name, rng), SIDE) for _ in range(EACH)])
        for name in (MAJORITY, MINORITY, OTHER)
    }
    first, *_ = fields[MINORITY]
    rows: list[Sequence[Titled]] = [[(MINORITY, first), ("ROS: drawn again", first), ("... and again", first)]]
    rows += made(fields[MINORITY], fields[MAJORITY], chosen.seed)
    rows += taken_out(fields[CLEANED], fields[OTHER])
    sheet(rows).save(chosen.sheet, quality=88)
    print(f"written: {chosen.sheet}")


def made(minority: NDArray[np.uint8], majority: NDArray[np.uint8], seed: int) -> Iterator[Sequence[Titled]]:
    """What Borderline-SMOTE makes: the image at the border, its neighbour, and the synthetic one between them."""
    settings = compose_settings(["resampling=borderline_smote"]).resampling
    images = np.concatenate([majority, minority])
    drawn = np.random.default_rng(seed).integers(len(majority), size=2 * len(minority))
    own = len(majority) + np.arange(len(minority))
    weights = borderline_weights(images, drawn, own, settings.k_neighbors, settings.m_neighbors, seed)
    between = [row for row in range(weights.shape[0]) if weights[[row]].nnz == 2]
    for row in between[:SHOWN]:
        (of_image, of_neighbour), (image, neighbour) = weights[[row]].data, weights[[row]].indices
        synthetic = of_image * images[image].astype(float) + of_neighbour * images[neighbour]
        yield [
            (f"{MINORITY}, at the border", images[image]),
            (f"{MINORITY}, a neighbour", images[neighbour]),
            (f"SMOTE: {of_image:.0%} and {of_neighbour:.0%}", np.asarray(synthetic.round(), np.uint8)),
        ]


def taken_out(cleaned: NDArray[np.uint8], other: NDArray[np.uint8]) -> Iterator[Sequence[Titled]]:
    """Which images edited nearest neighbours take out: those of which a near one is of the other label."""
    near = compose_settings(["resampling=enn_ros"]).resampling.n_neighbors
    images = np.concatenate([cleaned, other])
    distances = squared_distances(images, np.arange(len(images)))
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argsort(axis=1)[: len(cleaned), :near]
    for row in np.flatnonzero((nearest >= len(cleaned)).any(axis=1))[:SHOWN]:
        neighbour = next(one for one in nearest[row] if one >= len(cleaned))
        yield [
            (CLEANED, images[row]),
            (f"{OTHER}, a neighbour", images[neighbour]),
            ("ENN: taken out", crossed(images[row])),
        ]


def crossed(image: Picture) -> Picture:
    """An image that is not there any more."""
    pale = 255 - (255 - image.astype(float)) / 4
    place = np.arange(SIDE)
    for thick in range(-2, 3):
        pale[place, (place + thick) % SIDE] = pale[place, (SIDE - 1 - place + thick) % SIDE] = (190, 30, 30)
    return np.asarray(pale.round(), np.uint8)


if __name__ == "__main__":
    main()
