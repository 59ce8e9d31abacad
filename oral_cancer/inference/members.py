"""The trained networks of a study, one a fold, that predict together."""

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from oral_cancer.errors import UserError, refuse
from oral_cancer.evaluation import tables
from oral_cancer.evaluation.ensembles import member_folds
from oral_cancer.inference import networks
from oral_cancer.models import SoftLabelClassifier
from oral_cancer.study.aggregate import ranking
from oral_cancer.study.cells import Cell, Study
from oral_cancer.training.manifest import CHECKPOINT, changed_files


def choose_cells(study: Study, model: str | None) -> list[Cell]:
    """The finished cells of one model whose networks form its ensemble.

    Args:
        study: its finished cells.
        model: its name, or None for the best by mean validation RMSE.

    Raises:
        UserError: for a model without a finished cell.
    """
    finished = list(dict.fromkeys(cell.model for cell in study.complete))
    name = model or ranking(tables.summary(study.predictions))[0]
    if name not in finished:
        raise UserError(f"experiment={name}: {study.folder} has no finished cell of it; choose {', '.join(finished)}")
    predictions = study.predictions
    folds = member_folds(predictions[predictions["experiment"] == name])
    return [cell for cell in study.complete if cell.model == name and cell.fold in folds]


def load_network(cell: Cell, trust: bool = False) -> SoftLabelClassifier:
    """The network of a cell after its last step, ready to predict.

    Args:
        cell: a finished one.
        trust: whether a class of the user's own that its manifest names is imported and built.

    Raises:
        UserError: for a checkpoint that is missing or not as the cell's manifest says, that holds more than tensors and
            plain values, or that does not fit the settings in the manifest; for settings that `build_network` refuses.
    """
    path = cell.folder / CHECKPOINT
    changed = changed_files(cell.folder, cell.facts, (CHECKPOINT.as_posix(),))
    refuse([f"{fault}; restore it, or train the cell again" for fault in changed])
    network = networks.build_network(cell, trust)
    try:
        network.load_state_dict(_state(path))
    except (RuntimeError, TypeError, AttributeError) as error:  # the last where names are no texts
        raise UserError(f"{path} does not fit {cell.folder}/manifest.json; train {cell.name} again") from error
    return network.eval()


def image_size(cells: Sequence[Cell]) -> int:
    """The side to which images are resized for these networks, in pixels.

    Raises:
        UserError: where they differ in it, and for settings that are no network's.
    """
    sizes = {cell.name: networks.image_size(cell) for cell in cells}
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{name} {size} px" for name, size in sizes.items())
        raise UserError(f"{cells[0].folder.parents[1]}: networks of one model differ in their images' size ({found})")
    return next(iter(sizes.values()))


def _state(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    except pickle.UnpicklingError as error:
        raise UserError(f"{path} holds more than tensors and is refused; train the cell again") from error
    except Exception as error:  # whatever a damaged file provokes
        raise UserError(
            f"{path} cannot be read ({type(error).__name__}); restore it, or train the cell again"
        ) from error
    return content
