"""Studies of made-up runs on disk, without any training."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from oral_cancer.evaluation.predictions import write_predictions
from oral_cancer.files import sealed
from oral_cancer.study.aggregate import OF_COMPOSITIONS, OF_ENSEMBLES
from oral_cancer.training.manifest import file_hashes, read_manifest, write_manifest
from oral_cancer.training.run import RunName
from tests.evaluation.conftest import make_run

NOISE = {"m1": 2.0, "m2": 0.4, "m10": 1.0}


def write_run(study: Path, model: str, fold: int | str, images: int = 4, seed: int | None = None, **facts: Any) -> Path:
    """A finished run with `images` of each group and split, its manifest changed by `facts`.

    One that is not complete has a manifest only.
    """
    folder = study / RunName(model, fold, seed).path  # type: ignore[arg-type]
    folder.mkdir(parents=True)
    manifest = {
        "status": "complete",
        "source": "/nowhere/images",
        "fingerprint": "f" * 64,
        "images": 84,
        "weights": "imagenet (made up)",
        "start": "2026-01-01T10:00:00+00:00",
        "end": "2026-01-01T10:05:00+00:00",
        "seconds": 300.0,
        "device": "cpu",
        "precision": "32-true",
        "augmented_on": "cpu",
        "versions": {"oral-cancer": "0.1.0"},
        "git_commit": "0123456789abcdef",
        "training_images": {"parental": 8, "resistant": 8, "control": 8, "1:2": 4},
        "config": {"name": model, "trainer": {"precision": "auto"}, "augmentation": {"cpu": {}, "gpu": {}}},
    } | facts
    if manifest["status"] == "complete":
        write_predictions(
            folder / "predictions.csv", make_run(model, fold, NOISE.get(model, 0.5), images=images, seed=seed or 0)
        )
        history = {"epoch": [0, 1], "train_loss": [0.2, 0.1], "val_loss": [0.2, 0.15], "val_accuracy": [0.5, 0.9]}
        pd.DataFrame(history | {"val_rmse": [0.4, 0.3]}).to_csv(folder / "history.csv", index=False)
    write_manifest(folder, {"files": file_hashes(folder)} | manifest)
    return folder


def write_plan(study: Path, *runs: tuple[str, int]) -> None:
    """A study.yaml that plans these models and folds, and says nothing else."""
    plan = sealed({"runs": [{"experiment": model, "fold": fold} for model, fold in runs]})
    (study / "study.yaml").write_text(yaml.safe_dump(plan))


def write_study(study: Path, models: Iterable[str], folds: Iterable[int | str], **facts: Any) -> Path:
    """A study with all runs of these models and folds finished."""
    for model in models:
        for fold in folds:
            write_run(study, model, fold, **facts)
    return study


def written_before(study: Path) -> Path:
    """A study as it was written before, with `model` for what is called `experiment` now; in place."""
    for path in study.glob("*/fold=*/predictions.csv"):
        path.write_text(path.read_text().replace("experiment,", "model,", 1))
        manifest = read_manifest(path.parent)
        assert manifest is not None
        write_manifest(path.parent, manifest | {"files": file_hashes(path.parent)})
    return study


@contextmanager
def few_resamples() -> Iterator[None]:
    """Tables with quick, coarse intervals."""
    with pytest.MonkeyPatch.context() as patch:
        for made, names in ((OF_ENSEMBLES, ("ensemble", "differences")), (OF_COMPOSITIONS, ("compositions",))):
            for name in names:
                patch.setitem(made, name, partial(made[name], n_resamples=50))
        yield
