"""The checkpoint of a run: what an interrupted training goes on from, and what a trained network is read from."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch

from oral_cancer.files import replacing
from oral_cancer.models import SoftLabelClassifier
from oral_cancer.privacy import redacted

OF_OPTIMISATION = ("optimizer_states", "lr_schedulers", "current_model_state", "averaging_state")
"""Entries of which only a further step has a use; the last two are those of averaged weights."""
ENDED = "training_ended"  # an entry: no further step is to be taken


def is_sound(checkpoint: Path) -> bool:
    """Whether there is a checkpoint and its checksums fit; PyTorch's files are ZIP archives, which have them."""
    if not checkpoint.exists():
        return False
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            sound = archive.testzip() is None
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, zlib.error):
        sound = False
    if not sound:
        print(f"{checkpoint} is damaged; the training starts anew", flush=True)
    return sound


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a sound checkpoint; its tensors are read when they are used."""
    content: dict[str, Any] = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    return content


def end_training(path: Path, model: SoftLabelClassifier, keep_optimizer: bool, private: bool = False) -> None:
    """Mark a checkpoint as that of an ended training, from which a run goes on with its predictions.

    Args:
        path: of the checkpoint; one that is not there, since no step was taken, is made.
        model: the trained network.
        keep_optimizer: whether the optimiser's state stays, which is twice as large as the network.
        private: whether callbacks forget in which folders they have saved, see `privacy`.
    """
    content = read_checkpoint(path) if path.exists() else {"epoch": 0, "global_step": 0}
    content |= {"state_dict": model.state_dict(), ENDED: True}
    if not keep_optimizer:
        content = {name: value for name, value in content.items() if name not in OF_OPTIMISATION}
    if private and "callbacks" in content:
        content["callbacks"] = redacted(content["callbacks"])
    with replacing(path) as beside:
        torch.save(content, beside)
