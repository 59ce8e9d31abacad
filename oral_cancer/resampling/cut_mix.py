"""CutMix: images of which a window shows another image, labelled by how much of each is seen.

Yun et al., CutMix, ICCV 2019, as the code of PLOS ONE e0310304 has it, which mixes within pairs of labels beforehand
where others mix within batches. A window's true share of the image counts, not the one that was drawn.
"""

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from oral_cancer.data.training_set import Images, TrainingSet
from oral_cancer.resampling.interpolation import IMAGES_AT_ONCE
from oral_cancer.resampling.mixtures import Rows
from oral_cancer.settings import checked_arguments
from oral_cancer.settings import resampling as settings
from oral_cancer.settings.resampling import BOTH, OTHER, OWN, PARTIAL

RowNumbers = NDArray[np.int64]
"""Rows of the training images, (R,)."""


class CutMix:
    """Every training image once, and images mixed of those of two labels.

    Args:
        pairs: of labels, such as a class and a mixture, or two mixtures.
        partners: whose window an image gets: of an image of "both" labels, of its "own", or of the "other".
        extent: "full" makes one image of each of a pair; "partial" as many as the rarer label lacks to the other: its
            images, drawn with replacement, with windows of the other's, drawn without.

    Raises:
        UserError: for a value out of range, and a partial mixing with other partners.
    """

    def __init__(self, pairs: Sequence[Sequence[str]], partners: str, extent: str) -> None:
        self.pairs = checked_arguments(settings.CutMix, locals(), "resampling.").pairs
        self.partners = partners
        self.extent = extent

    def check_labels(self, labels: NDArray[np.str_]) -> None:
        """Raise a `UserError` where the training images lack a label that the options name."""
        Rows(labels).paired(self.pairs)

    def fit_resample(
        self, images: Images, soft_labels: NDArray[np.float32], random_state: int, labels: NDArray[np.str_]
    ) -> TrainingSet:
        """See `Resampling.fit_resample`."""
        rng = np.random.default_rng(random_state)
        rows = Rows(labels)
        mixed = [self._mixed(rows, pair, rng) for pair in rows.paired(self.pairs)]
        own, partners = (np.concatenate(parts) for parts in zip(*mixed, strict=True))
        _, height, width, _ = images.shape
        windows = drawn_windows(len(own), height, width, rng)
        shares = (areas(windows) / (height * width))[:, None]
        mixed_labels = (1 - shares) * soft_labels[own] + shares * soft_labels[partners]
        return TrainingSet(
            np.arange(len(images)),
            pasted(images, own, partners, windows),
            np.concatenate([soft_labels, mixed_labels.astype(np.float32)]),
        )

    def _mixed(self, rows: Rows, pair: tuple[str, str], rng: np.random.Generator) -> tuple[RowNumbers, RowNumbers]:
        """The images of a pair that are mixed, and the partner of each."""
        first, second = (rows[name] for name in pair)
        if self.extent != PARTIAL:
            return np.concatenate([first, second]), PARTNERS[self.partners](first, second, rng)
        if len(first) == len(second):
            warnings.warn(
                f"cutmix: {pair[0]} and {pair[1]} are equally many, so that partial mixing adds none", stacklevel=3
            )
        rarer, other = sorted((first, second), key=len)
        lacking = len(other) - len(rarer)
        return rng.choice(rarer, lacking), rng.choice(other, lacking, replace=False)


def _of_other(first: RowNumbers, second: RowNumbers, rng: np.random.Generator) -> RowNumbers:
    """Where one label has more images, those of the other come again in the same order."""
    return np.concatenate(
        [np.resize(rng.permutation(second), len(first)), np.resize(rng.permutation(first), len(second))]
    )


PARTNERS: dict[str, Callable[[RowNumbers, RowNumbers, np.random.Generator], RowNumbers]] = {
    BOTH: lambda first, second, rng: rng.permutation(np.concatenate([first, second])),
    OWN: lambda first, second, rng: np.concatenate([rng.permutation(first), rng.permutation(second)]),
    OTHER: _of_other,
}
"""By the option: the partners of the images of two labels, in their order, by random permutations."""


def drawn_windows(number: int, height: int, width: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Random windows.

    With lambda uniform from 0 to 1, a window is height sqrt(1 - lambda) high and width sqrt(1 - lambda) wide, about a
    pixel that is as likely as any other, with rounded ends, and what lies beyond the image is cut off.

    Returns:
        (number, 4): top, bottom, left and right; a window may be empty.
    """
    reach = np.sqrt(1 - rng.uniform(size=number)) / 2
    ends = []
    for side in (height, width):
        middle = rng.integers(0, side, number)
        ends += [np.rint(middle - side * reach).clip(0, side), np.rint(middle + side * reach).clip(0, side)]
    return np.stack(ends, axis=1).astype(np.int64)


def areas(windows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pixels of windows (S, 4), int64 (S,)."""
    top, bottom, left, right = windows.T
    pixels: NDArray[np.int64] = (bottom - top) * (right - left)
    return pixels


def pasted(images: Images, own: RowNumbers, partners: RowNumbers, windows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Images with windows onto others.

    Args:
        images: uint8 (N, H, W, 3).
        own: (S,), rows of the images.
        partners: (S,), rows of those in the windows.
        windows: (S, 4), see `drawn_windows`.

    Returns:
        uint8 (S, H, W, 3).
    """
    made = np.empty((len(own), *images.shape[1:]), np.uint8)
    for start in range(0, len(made), IMAGES_AT_ONCE):
        some = slice(start, start + IMAGES_AT_ONCE)
        made[some] = images[own[some]]
        for image, partner, (top, bottom, left, right) in zip(
            made[some], images[partners[some]], windows[some], strict=True
        ):
            image[top:bottom, left:right] = partner[top:bottom, left:right]
    return made
