"""Whether a study or a search fits the disk."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from oral_cancer.counting import counted
from oral_cancer.disk import insist_on_room
from oral_cancer.training.manifest import read_manifest
from oral_cancer.training.run import Run

WITH_OPTIMIZER = 3  # times the network's state, with the two moments of Adam
OTHER_FILES = 10**6  # bytes of a run: predictions, splits, what W&B keeps of them


def insist_on_room_for_runs(study: Path, runs: Sequence[Run], sizes: Mapping[str, int]) -> None:
    """Refuse runs whose files would not fit the disk; those that are finished take no more.

    Args:
        study: the folder of all.
        runs: its runs.
        sizes: bytes of the network's state, by experiment.

    Raises:
        UserError: one line with the numbers and the remedy.
    """
    lacking = [run for run in runs if (read_manifest(run.folder) or {}).get("status") != "complete"]
    kept = [OTHER_FILES + sizes[run.experiment] * _times_kept(run) for run in lacking]
    _insist(study, kept, max(sizes.values()), "run")


def insist_on_room_for_trials(search: Path, number: int, trial: Run, size: int) -> None:
    """The same of a search.

    Args:
        search: its folder.
        number: of trials that lack.
        trial: one of them.
        size: bytes of its network's state.

    Raises:
        UserError: see above.
    """
    _insist(search, [OTHER_FILES + size * _times_kept(trial)] * number, size, "trial")


def _insist(folder: Path, kept: Sequence[int], largest: int, what: str) -> None:
    while_training = 2 * WITH_OPTIMIZER * largest  # the last checkpoint, and the next one beside it
    if kept:
        said = f"what {counted(len(kept), what)} {'leaves' if len(kept) == 1 else 'leave'}"
        insist_on_room(folder, sum(kept) + while_training, said, "give hydra.sweep.dir= on another disk")


def _times_kept(run: Run) -> int:
    return WITH_OPTIMIZER if run.settings.get("keep_optimizer", True) else 1
