"""Whether a study's predictions, tables and page still agree, and nothing of it is damaged."""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from oral_cancer.command import brief
from oral_cancer.counting import counted
from oral_cancer.data.store import fingerprint_of
from oral_cancer.errors import UserError
from oral_cancer.evaluation.metrics import evaluate
from oral_cancer.evaluation.predictions import read_predictions
from oral_cancer.files import sha256_of
from oral_cancer.study.aggregate import csv_of, in_former_words
from oral_cancer.study.report import made_from, write_report
from oral_cancer.study.run_record import RunRecord
from oral_cancer.study.runs import find_runs, read_study
from oral_cancer.training.manifest import changed_files
from oral_cancer.training.splits_file import read_splits


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: e.g. "m1/fold=0" or "tables".
        faults: what does not agree, one line each; none if all does.
        said: what was found in order, or why it was not looked at.
    """

    what: str
    faults: tuple[str, ...]
    said: str

    def shown(self) -> tuple[str, ...]:
        """Print what was found in order, or that it is not; returns the faults."""
        print(f"{self.what}: {'DOES NOT AGREE' if self.faults else self.said}", flush=True)
        return self.faults


def verify_study(folder: Path) -> Iterator[Finding]:
    """Look at everything that a study's figures rest on; what is written stays as it is.

    Finished runs: their files against the hashes in their manifests, their metrics against their predictions, the
    data's fingerprint against the hashes in splits.csv. The images, where they are at hand, against splits.csv. Tables
    and page, against those made anew from the predictions.

    Raises:
        UserError: for a folder that is no study, and for damage to predictions, without which nothing can be compared.
    """
    runs = [run for run in find_runs(folder) if run.status in ("complete", "damaged")]
    for run in runs:
        faults = tuple(_run_faults(run))
        yield Finding(run.name, faults, f"{counted(len(run.facts.get('files') or {}), 'file')} and metrics as trained")
    study = read_study(folder)
    yield _images(study.complete[0])
    with tempfile.TemporaryDirectory() as scratch:
        tables, page = write_report(study, Path(scratch))
        valid = (tables, in_former_words(tables))
        names = sorted({*tables, *(path.stem for path in (folder / "tables").glob("*.csv"))})
        faults = tuple(
            fault
            for name in names
            for fault in _table_faults(
                folder / "tables" / f"{name}.csv", [csv_of(study, each[name]) for each in valid if name in each]
            )
        )
        yield Finding("tables", faults, f"{len(names)} are those that the predictions give")
        yield _page(folder / "report.html", page, [made_from(study, each) for each in valid])


def _run_faults(run: RunRecord) -> Iterator[str]:
    if run.manifest is None:
        yield f"{run.folder}: {run.fault}"
        return
    changed = changed_files(run.folder, run.manifest)
    yield from changed
    if changed:
        return
    try:
        metrics = json.loads((run.folder / "metrics.json").read_text(encoding="utf-8"))
        metrics.get("val", {}).get("homo", {}).pop("in_sample", None)  # which is no figure
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        yield f"{run.folder / 'metrics.json'}: cannot be read ({brief(error)})"
        return
    if metrics != evaluate(read_predictions(run.folder / "predictions.csv")):
        yield f"{run.folder / 'metrics.json'}: not what predictions.csv gives"
    try:
        splits = read_splits(run.folder)
    except UserError as fault:
        yield str(fault)
        return
    if _fingerprint(splits, run) != run.manifest.get("fingerprint"):
        yield f"{run.folder / 'splits.csv'}: its hashes do not give the fingerprint in manifest.json"


def _fingerprint(splits: pd.DataFrame, run: RunRecord) -> str:
    files = splits[["file", "bytes", "sha256"]].itertuples(index=False)
    return fingerprint_of(files, run.facts.get("reading"))


def _images(run: RunRecord) -> Finding:
    """The images as they are now, against the hashes that a run has recorded."""
    root = Path(str(run.facts.get("root")))
    if not root.is_dir():
        return Finding("images", (), f"not compared: {root} is not at hand")
    try:
        splits = read_splits(run.folder)
    except UserError as fault:
        return Finding("images", fault.lines, "")
    faults = []
    for name, sha256 in zip(splits["file"], splits["sha256"], strict=True):
        path = root / name
        if not path.is_file():
            faults.append(f"{path} is missing")
        elif sha256_of(path) != sha256:
            faults.append(f"{path} is not the image that was trained on")
    return Finding("images", tuple(faults), f"{len(splits)} are those that were trained on")


def _table_faults(there: Path, valid: Sequence[str]) -> Iterator[str]:
    if not there.exists():
        yield f"{there} is missing"
    elif not valid:
        yield f"{there} is no table of a study"
    elif not {_head(content.encode()) for content in valid} & {_head(there.read_bytes())}:
        study = there.parents[1]
        yield f"{there} has the columns of another version; `oral-cancer report {study}` makes it anew"
    elif there.read_bytes() not in [content.encode() for content in valid]:
        yield f"{there} is not what the predictions give"


def _head(table: bytes) -> bytes:
    return table.partition(b"\n")[0]


def _page(there: Path, anew: Path, digests: Sequence[str]) -> Finding:
    """A page made by other libraries, or with images that are gone, may look different; its figures may not."""
    if not there.exists():
        return Finding("page", (f"{there} is missing",), "")
    content = there.read_bytes()
    if content == anew.read_bytes():
        return Finding("page", (), "is the one that the predictions give")
    body, _, seal = content.rpartition(b"<!-- sha256: ")
    if not seal.startswith(hashlib.sha256(body).hexdigest().encode()):
        return Finding("page", (f"{there} is damaged or has been edited",), "")
    if not any(digest.encode() in body for digest in digests):
        return Finding("page", (f"{there} was made from other tables or predictions",), "")
    return Finding("page", (), "was made from these tables, with other pictures, libraries or words")
