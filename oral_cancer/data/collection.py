"""Which images there are, before any is opened."""

from dataclasses import dataclass
from pathlib import Path

from oral_cancer.labels import BY_NAME, ImageSet, Split

SIMULATED = "simulated_"  # begins the names of the simulator's files


@dataclass(frozen=True)
class ImageFile:
    """One image of a collection.

    Attributes:
        path: relative to the collection's root, with forward slashes.
        group: its class or mixture, a name in `labels.GROUPS`.
        split: "val" or "test".
    """

    path: str
    group: str
    split: Split

    @property
    def image_set(self) -> ImageSet:
        """ "homo" for a pure class, "hetero" for a mixture."""
        return BY_NAME[self.group].image_set


@dataclass(frozen=True)
class Collection:
    """All images below one folder.

    Attributes:
        root: the folder.
        files: sorted by path.
        problems: what is missing, empty or unsafe, one line each, with the remedy.
        ignored: hidden files and non-images that were passed over.
    """

    root: Path
    files: tuple[ImageFile, ...]
    problems: tuple[str, ...] = ()
    ignored: int = 0

    @property
    def simulated(self) -> bool:
        """Whether any of the images was made by the simulator, wherever it lies now; their names say so."""
        return any(file.path.rpartition("/")[2].startswith(SIMULATED) for file in self.files)
