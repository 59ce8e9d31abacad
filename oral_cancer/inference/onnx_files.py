"""ONNX files of an experiment: one a fold, one of the ensemble, with all from decoded image to probabilities but for
a preprocessing of the images, which is done before.

An ONNX file has the input `images`, uint8 (batch, height, width, 3) RGB of any size, and the outputs `probabilities`,
float32 (batch, K) in the order of the classes, and `by_fold`, float32 (folds, batch, K), means over the views; where
there are several, also `by_view`, float32 (views, batch, K), means over the folds. Its metadata hold `classes`,
`image_size`, `views`, `preprocess` (what is to be done to the images before, see `data.preprocessing`), `reading` (how
the training images' raw values became 8 bits), `runs` and the SHA-256 of each checkpoint it was made from, as JSON.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from oral_cancer.called import command
from oral_cancer.data.resizing import Resizing, resized_batch
from oral_cancer.errors import UserError
from oral_cancer.files import replacing
from oral_cancer.inference.engines import Answers, Ensemble
from oral_cancer.inference.members import views
from oral_cancer.models import SoftLabelNetwork
from oral_cancer.models.views import views_of
from oral_cancer.study.run_record import RunRecord
from oral_cancer.study.runs import Study
from oral_cancer.training.manifest import CHECKPOINT

ENSEMBLE = "ensemble.onnx"
TOLERANCE = 1e-4
"""Largest difference of a probability between an ONNX file and the networks it was made from."""


class WholeModel(nn.Module):
    """Networks of one experiment, with the resizing and the views before them and the means after them."""

    def __init__(self, networks: Sequence[SoftLabelNetwork], way: Resizing) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.way = way
        self.views = networks[0].views

    @property
    def outputs(self) -> list[str]:
        """What `forward` returns, by name."""
        return ["probabilities", "by_fold", *(["by_view"] if self.views > 1 else [])]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The `outputs` of uint8 images (B, H, W, 3).

        Views go through a network as one batch: one by one, the file would hold the network as many times.
        """
        first = self.networks[0]
        assert isinstance(first, SoftLabelNetwork)
        pixels = first.network_input(resized_batch(images, self.way.size, self.way.antialias))
        seen = torch.cat(list(views_of(pixels, self.views)))
        of_networks = [network.probabilities(seen) for network in self.networks]  # type: ignore[operator]
        found = torch.stack([one.reshape(self.views, -1, one.shape[1]) for one in of_networks])
        by_fold = found.mean(dim=1)
        return by_fold.mean(dim=0), by_fold, *([found.mean(dim=0)] if self.views > 1 else [])


def onnx_folder(study: Study, experiment: str) -> Path:
    """Where the files of an experiment lie unless the user says otherwise."""
    return study.folder / "exports" / experiment


def write_onnx(path: Path, runs: Sequence[RunRecord], networks: Sequence[SoftLabelNetwork], way: Resizing) -> float:
    """Write the ONNX file of one network or of several, and run it once beside them.

    Args:
        path: where to.
        runs: which the networks are of.
        networks: ready to predict, on the CPU.
        way: how they resize images.

    Returns:
        The largest difference of a probability, at most `TOLERANCE`.

    Raises:
        UserError: where the file does not compute what the networks do; none is left then.
    """
    model, size = WholeModel(networks, way).eval(), way.size
    noise = torch.randint(0, 256, (2, size, size, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("height"), 2: torch.export.Dim("width")}
    program = torch.onnx.export(
        model,
        (noise,),
        dynamo=True,
        dynamic_shapes={"images": sizes},
        input_names=["images"],
        output_names=model.outputs,
        verbose=False,
    )
    assert program is not None
    program.model.metadata_props.update(
        {
            "classes": json.dumps(runs[0].classes),
            "image_size": json.dumps(size),
            "views": json.dumps(model.views),
            "preprocess": json.dumps(way.preprocess),
            "reading": json.dumps(runs[0].facts.get("reading")),
            "runs": json.dumps([run.name for run in runs]),
            "checkpoints": json.dumps(checkpoint_hashes(runs)),
        }
    )
    with replacing(path) as beside:
        program.save(beside)
        with torch.inference_mode():
            expected = model(noise)[1].double().numpy()
        difference = float(np.abs(_runner(beside, model.views)(noise.numpy()).by_network - expected).max())
        if not difference <= TOLERANCE:
            raise UserError(
                f"{path}: gives probabilities that differ by {difference:.1e} from the network's; "
                "model.backbone cannot be exported with these versions of torch and onnxruntime"
            )
    return difference


def onnx_ensemble(folder: Path, runs: Sequence[RunRecord]) -> Ensemble:
    """The ensemble that the ONNX file of a folder computes, on the CPU.

    Raises:
        UserError: where the file is missing, damaged, or made from other checkpoints than those of `runs`.
    """
    path = folder / ENSEMBLE
    first = f"run `{command('export', runs[0].folder.parents[1], f'experiment={runs[0].experiment}')}`"
    if not path.is_file():
        raise UserError(f"engine=onnx: {path} is missing; {first} first")
    try:
        run, metadata = _runner(path, views(runs)), _metadata(path)
        made_from = metadata["checkpoints"], metadata.get("views", 1)
    except Exception as error:  # whatever a damaged file provokes
        raise UserError(f"{path} cannot be read ({type(error).__name__}); {first} again") from error
    if made_from != (checkpoint_hashes(runs), views(runs)):
        raise UserError(f"{path} was made from other checkpoints or views than the study now has; {first} again")
    return run


def checkpoint_hashes(runs: Sequence[RunRecord]) -> dict[str, str]:
    """The SHA-256 of each run's checkpoint, by the run's name.

    Raises:
        UserError: for a checkpoint that is missing.
    """
    hashes = {}
    for run in runs:
        path = run.folder / CHECKPOINT
        if not path.is_file():
            raise UserError(f"{path} is missing; restore it, or train the run again")
        with path.open("rb") as file:
            hashes[run.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashes


def _metadata(path: Path) -> Mapping[str, Any]:
    session = onnxruntime.InferenceSession(path)
    return {name: json.loads(text) for name, text in session.get_modelmeta().custom_metadata_map.items()}


def _runner(path: Path, views: int) -> Ensemble:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # batches run side by side
    session = onnxruntime.InferenceSession(path, options)

    def run(images: NDArray[np.uint8]) -> Answers:
        at_once = math.ceil(len(images) / views)  # for the file makes a batch of all views
        parts = [answers(images[first : first + at_once]) for first in range(0, len(images), at_once)]
        by_network, by_view = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
        return Answers(by_network, by_view, ())

    def answers(images: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        found = session.run(["by_fold", *(["by_view"] if views > 1 else [])], {"images": images})
        by_network = np.asarray(found[0], np.float64)
        return by_network, np.asarray(found[1], np.float64) if views > 1 else by_network.mean(axis=0, keepdims=True)

    return run
