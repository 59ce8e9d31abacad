"""The classes, the mixtures and their soft labels: the one place that knows them.

Names, folders, labels and counts are those of the published data set (PLOS ONE e0310304). A mixture is written
parental:resistant. A soft label is the proportion of each class in an image, in the order of `CLASSES`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

CLASSES = ("parental", "resistant", "control")

ImageSet = Literal["homo", "hetero"]
Split = Literal["val", "test"]
SPLITS: tuple[Split, ...] = ("val", "test")


@dataclass(frozen=True)
class Group:
    """Images that carry one soft label: a pure class (HOMO) or a mixture (HETERO).

    Attributes:
        name: the class or the mixture, e.g. "parental" or "1:2".
        image_set: "homo" or "hetero".
        folders: accepted spellings of its folder; the first is the one to write.
        soft_label: proportions of `CLASSES`, summing to 1.
        published: images in the published Val and Test folders.
    """

    name: str
    image_set: ImageSet
    folders: tuple[str, ...]
    soft_label: tuple[float, float, float]
    published: dict[Split, int]


GROUPS = (
    Group("parental", "homo", ("control",), (1.0, 0.0, 0.0), {"val": 240, "test": 60}),
    Group("resistant", "homo", ("5nMTG",), (0.0, 1.0, 0.0), {"val": 240, "test": 60}),
    Group("control", "homo", ("NonCancerOral", "nonCancerOral"), (0.0, 0.0, 1.0), {"val": 240, "test": 60}),
    Group("1:2", "hetero", ("20X_TG2-WT1",), (1 / 3, 2 / 3, 0.0), {"val": 160, "test": 40}),
    Group("2:1", "hetero", ("20X_TG1-WT2",), (2 / 3, 1 / 3, 0.0), {"val": 160, "test": 40}),
    Group("1:3", "hetero", ("20X_TG3-WT1",), (1 / 4, 3 / 4, 0.0), {"val": 160, "test": 40}),
    Group("3:1", "hetero", ("20X_TG1-WT3",), (3 / 4, 1 / 4, 0.0), {"val": 160, "test": 40}),
)
BY_NAME = {group.name: group for group in GROUPS}
TOLERANCE = 1e-3  # between soft labels that are the same
MIXTURES = tuple(group.name for group in GROUPS if group.image_set == "hetero")

SPLIT_FOLDERS: dict[tuple[ImageSet, Split], str] = {
    ("homo", "val"): "oral cancer 0521-0618_tag300_Val",
    ("homo", "test"): "oral cancer 0521-0618_tag300_Test",
    ("hetero", "val"): "oral cancer inter stage-all_tag300_Val",
    ("hetero", "test"): "oral cancer inter stage-all_tag300_Test",
}


def soft_label(name: str) -> NDArray[np.float32]:
    """The soft label of a class or mixture, float32 (3,), proportions in the order of `CLASSES`."""
    return np.asarray(BY_NAME[name].soft_label, np.float32)


def is_known(soft_labels: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Whether each soft label, of (N, 3), is that of a class or mixture; bool (N,)."""
    return np.asarray(_distances(soft_labels).min(axis=1, initial=np.inf) <= TOLERANCE)


def group_names(soft_labels: NDArray[np.floating]) -> NDArray[np.str_]:
    """The class or mixture that each soft label stands for.

    Args:
        soft_labels: (N, 3), proportions in the order of `CLASSES`, exact to `TOLERANCE`.

    Returns:
        str (N,), names out of `GROUPS`.

    Raises:
        ValueError: for a label that belongs to no group.
    """
    distances = _distances(soft_labels)
    if not is_known(soft_labels).all():
        stranger = np.asarray(soft_labels)[distances.min(axis=1).argmax()]
        raise ValueError(f"soft label {stranger} is that of no class or mixture; oral_cancer/labels.py lists them")
    return np.array([GROUPS[i].name for i in distances.argmin(axis=1)], np.str_)


def _distances(soft_labels: NDArray[np.floating]) -> NDArray[np.float64]:
    """Largest difference of each label from that of each group, (N, number of groups)."""
    labels = np.asarray(soft_labels, float).reshape(-1, len(CLASSES))
    known = np.array([group.soft_label for group in GROUPS])
    return np.asarray(np.abs(labels[:, None] - known[None]).max(axis=2))
