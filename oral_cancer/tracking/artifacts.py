"""What a W&B run is made from and what it makes: data set, settings, network, predictions, with their lineage.

An artifact is made from the files of a finished training in the same way by whoever logs or uses it: W&B knows equal
ones by their content, so that what a prediction uses is what the training has logged, offline too.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wandb
import yaml
from wandb.sdk.artifacts.artifact_manifest_entry import ArtifactManifestEntry
from wandb.sdk.lib.paths import LogicalPath

from oral_cancer.files import write_text
from oral_cancer.privacy import redacted
from oral_cancer.tracking.faults import only_told
from oral_cancer.tracking.identity import artifact_name
from oral_cancer.training.manifest import CHECKPOINT
from oral_cancer.training.splits_file import FILE as SPLITS

SETTINGS = "settings.yaml"


@dataclass(frozen=True)
class TrainingFiles:
    """A training as its artifacts need it.

    Attributes:
        folder: where its files lie.
        study: its study's name; of one that belongs to none, that of the folder of all such.
        name: e.g. "m5/fold=0".
        facts: its manifest.
        private: whether nothing names a folder or a computer, see `privacy`.
    """

    folder: Path
    study: str
    name: str
    facts: Mapping[str, Any]
    private: bool

    @property
    def data(self) -> wandb.Artifact:
        """The data set: its fingerprint and splits.csv; the images by reference, unless they are private or gone."""
        fingerprint = str(self.facts.get("fingerprint", "unknown"))
        told = {"fingerprint": fingerprint, "images": self.facts.get("images")}
        data = wandb.Artifact(artifact_name("data", fingerprint[:16]), type="dataset", metadata=told)
        _add(data, self.folder / SPLITS, SPLITS, self.private)
        root = self.facts.get("root")
        if root and Path(root).is_dir() and not self.private:  # a single entry: splits.csv has every file and its hash
            images = Path(root).resolve().as_uri()
            data.manifest.add_entry(
                ArtifactManifestEntry(path=LogicalPath("images"), ref=images, digest=fingerprint, size=0)
            )
        return data

    @property
    def network(self) -> wandb.Artifact:
        """The network after the last step."""
        return self._of_files("network", "model", self.folder / CHECKPOINT)

    @property
    def predictions(self) -> wandb.Artifact:
        """What it says of the validation and test images."""
        files = (self.folder / name for name in ("predictions.csv", "metrics.json"))
        return self._of_files("predictions", "predictions", *files)

    def settings(self, folder: Path) -> wandb.Artifact:
        """All settings as they were resolved, those of a private run redacted; the file is written to `folder`."""
        config = self.facts.get("config") or {}
        content = redacted(config, str(self.facts.get("host") or "")) if self.private else config
        write_text(folder / SETTINGS, yaml.safe_dump(content, sort_keys=False))
        return self._of_files("settings", "settings", folder / SETTINGS)

    def _of_files(self, kind: str, of_type: str, *files: Path) -> wandb.Artifact:
        return of_files(artifact_name(kind, self.study, self.name), of_type, files, self.private)


def of_files(
    name: str, of_type: str, files: Iterable[Path], private: bool, below: Path | None = None
) -> wandb.Artifact:
    """An artifact of those files that are there, by their paths below a folder, or by their names alone."""
    artifact = wandb.Artifact(name, type=of_type)
    for file in files:
        _add(artifact, file, file.relative_to(below).as_posix() if below else file.name, private)
    return artifact


def use(run: wandb.Run, artifacts: Iterable[wandb.Artifact]) -> None:
    """Say that a run has these for its inputs, and log those that W&B does not know yet."""
    for artifact in artifacts:
        _send(run, artifact, use_after_commit=True)


def log(run: wandb.Run, *artifacts: wandb.Artifact) -> None:
    """Say that a run has made these."""
    for artifact in artifacts:
        _send(run, artifact, use_after_commit=False)


def _send(run: wandb.Run, artifact: wandb.Artifact, use_after_commit: bool) -> None:
    """Hand an artifact over, online or offline.

    It is what `run.use_artifact` does, which refuses offline, and online waits until all is sent.
    """
    with only_told(str(artifact.name)):
        run._log_artifact(artifact, is_user_created=True, use_after_commit=use_after_commit)


def _add(artifact: wandb.Artifact, path: Path, name: str, private: bool) -> None:
    """Add a file of ours, which stays as it is: uncopied, by a path that names no folder above that of the start."""
    local = os.path.relpath(path)
    if private and local.startswith(os.pardir):
        print(f"W&B: {name} of {artifact.name} is left out: it lies elsewhere than below {Path.cwd()}, and is private")
    elif path.is_file():
        artifact.add_file(local, name, policy="immutable", skip_cache=True)
