"""Simulated images on disk, and the choice between them and the user's own."""

import sys
from pathlib import Path
from typing import Any

from oral_cancer.data.collection import Collection
from oral_cancer.data.folder import FolderSource
from oral_cancer.data.layout_source import collect
from oral_cancer.data.reading import Reading
from oral_cancer.layout import layout_of
from oral_cancer.settings import checked_arguments
from oral_cancer.settings import data as settings
from oral_cancer.simulation.collection import write_collection
from oral_cancer.simulation.published import LAYOUT
from oral_cancer.simulation.simulator import VERSION


class SimulatedSource:
    """Simulated micrographs in the published layout, made at the first use.

    They lie below `root` in a folder named by the counts, the seed and the simulator's version.

    Args:
        root: folder for simulated collections.
        per_class: images of a class, Val and Test together (published: 300).
        per_mixture: images of a mixture, likewise (published: 200).
        seed: of the pictures.
    """

    brings_folds = False
    """Nobody needs the images to know into how many folds they are divided."""

    def __init__(self, root: str, per_class: int, per_mixture: int, seed: int) -> None:
        checked_arguments(settings.SimulatedSource, locals(), "source.")
        self.folder = Path(root, f"{per_class}x{per_mixture}-seed{seed}-v{VERSION}")
        self.per_class, self.per_mixture, self.seed = per_class, per_mixture, seed

    def collect(self) -> Collection:
        """The files, written first where they are not there yet."""
        if not self.folder.exists():
            print(f"simulating micrographs below {self.folder}", file=sys.stderr, flush=True)
            write_collection(self.folder, self.per_class, self.per_mixture, self.seed)
        return collect(self.folder, LAYOUT, [], Reading())


PUBLISHED = "data"
"""Where scripts/fetch_data.py puts the published images."""


class AutoSource:
    """The user's images where a declared layout is there, else simulated ones.

    Args:
        root: where the images are; None is below `PUBLISHED`, if the layout is there.
        layout: see `FolderSource`.
        simulated: the other source.
        options: those of a `FolderSource`; where a root or one of these is given, the user means images of theirs.
    """

    def __init__(self, root: str | None, layout: str | None, simulated: SimulatedSource, **options: Any) -> None:
        meant = root is not None or any(value not in (None, []) for value in options.values())
        there = layout is not None and layout_of(layout).is_at(Path(PUBLISHED))
        wanted = PUBLISHED if root is None else root
        self.source = FolderSource(wanted, layout, **options) if there or meant else simulated
        self.brings_folds = there or meant

    def collect(self) -> Collection:
        """The files of the one or the other."""
        return self.source.collect()
