"""Whether a study fits the disk."""

from collections.abc import Mapping, Sequence

from oral_cancer.disk import insist_on_room
from oral_cancer.training.manifest import read_manifest
from oral_cancer.training.run import Run

WITH_OPTIMIZER = 3  # times the network's state, with the two moments of Adam
OTHER_FILES = 10**6  # bytes of a run: predictions, splits, what W&B keeps of them


def insist_on_room_for(runs: Sequence[Run], sizes: Mapping[str, int]) -> None:
    """Refuse runs whose files would not fit the disk; those that are finished take no more.

    Args:
        runs: of one study.
        sizes: bytes of the network's state, by experiment.

    Raises:
        UserError: one line with the numbers and the remedy.
    """
    lacking = [run for run in runs if (read_manifest(run.folder) or {}).get("status") != "complete"]
    if not lacking:
        return
    kept = sum(OTHER_FILES + sizes[run.experiment] * _times_kept(run) for run in lacking)
    while_training = 2 * WITH_OPTIMIZER * max(sizes.values())  # the last checkpoint, and the next one beside it
    study = lacking[0].folder.parents[1]
    what = f"what {len(lacking)} runs leave"
    insist_on_room(study, kept + while_training, what, "give hydra.sweep.dir= on another disk")


def _times_kept(run: Run) -> int:
    return WITH_OPTIMIZER if run.settings.get("keep_optimizer", True) else 1
