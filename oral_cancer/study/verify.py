"""Whether a study's predictions, tables and page still agree, and nothing of it is damaged."""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from oral_cancer.command import brief
from oral_cancer.data.store import fingerprint_of
from oral_cancer.errors import UserError
from oral_cancer.evaluation.metrics import evaluate
from oral_cancer.evaluation.predictions import read_predictions
from oral_cancer.files import sha256_of
from oral_cancer.shapes import below
from oral_cancer.study.aggregate import write_tables
from oral_cancer.study.cells import Cell, find_cells, read_study
from oral_cancer.study.report import made_from, write_page
from oral_cancer.training.manifest import changed_files


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

    Finished cells: their files against the hashes in their manifests, their metrics against their predictions, the
    data's fingerprint against the hashes in splits.csv. The images, where they are at hand, against splits.csv. Tables
    and page, against those made anew from the predictions.

    Raises:
        UserError: for a folder that is no study, and for damage to predictions, without which nothing can be compared.
    """
    cells = [cell for cell in find_cells(folder) if cell.status in ("complete", "damaged")]
    for cell in cells:
        faults = tuple(_cell_faults(cell))
        yield Finding(cell.name, faults, f"{len(cell.facts.get('files') or {})} files and metrics as trained")
    study = read_study(folder)
    yield _images(study.complete[0])
    with tempfile.TemporaryDirectory() as scratch:
        tables = write_tables(study, Path(scratch))
        names = sorted({path.name for where in (Path(scratch), folder / "tables") for path in where.glob("*.csv")})
        faults = tuple(
            fault for name in names for fault in _table_faults(folder / "tables" / name, Path(scratch, name))
        )
        yield Finding("tables", faults, f"{len(names)} are those that the predictions give")
        page = write_page(study, tables, Path(scratch, "report.html"))
        yield _page(folder / "report.html", page, made_from(study, tables))


def _cell_faults(cell: Cell) -> Iterator[str]:
    if cell.manifest is None:
        yield f"{cell.folder}: {cell.fault}"
        return
    changed = changed_files(cell.folder, cell.manifest)
    yield from changed
    if changed:
        return
    try:
        metrics = json.loads((cell.folder / "metrics.json").read_text(encoding="utf-8"))
        metrics["val"]["homo"].pop("in_sample", None)  # which is no figure
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        yield f"{cell.folder / 'metrics.json'}: cannot be read ({brief(error)})"
        return
    if metrics != evaluate(read_predictions(cell.folder / "predictions.csv")):
        yield f"{cell.folder / 'metrics.json'}: not what predictions.csv gives"
    try:
        splits = read_splits(cell)
    except UserError as fault:
        yield str(fault)
        return
    if _fingerprint(splits, cell) != cell.manifest.get("fingerprint"):
        yield f"{cell.folder / 'splits.csv'}: its hashes do not give the fingerprint in manifest.json"


def read_splits(cell: Cell) -> pd.DataFrame:
    """Every file of a cell's data, with its size and hash.

    Raises:
        UserError: for a table that cannot be read, or names files elsewhere than below the folder of images.
    """
    path = cell.folder / "splits.csv"
    try:
        splits = pd.read_csv(path, keep_default_na=False, dtype={"file": str, "sha256": str, "bytes": int})
        elsewhere = [name for name in splits[["file", "bytes", "sha256"]]["file"] if not below(name)]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: cannot be read ({brief(error)}); train the run again") from error
    if elsewhere:
        raise UserError(f"{path}: {elsewhere[0]} is no path below the folder of images; train the run again")
    return splits


def _fingerprint(splits: pd.DataFrame, cell: Cell) -> str:
    files = splits[["file", "bytes", "sha256"]].itertuples(index=False)
    return fingerprint_of(files, cell.facts.get("reading"))


def _images(cell: Cell) -> Finding:
    """The images as they are now, against the hashes that a cell has recorded."""
    root = Path(str(cell.facts.get("root")))
    if not root.is_dir():
        return Finding("images", (), f"not compared: {root} is not at hand")
    try:
        splits = read_splits(cell)
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


def _table_faults(there: Path, anew: Path) -> Iterator[str]:
    if not there.exists():
        yield f"{there} is missing"
    elif not anew.exists():
        yield f"{there} is no table of a study"
    elif there.read_bytes() != anew.read_bytes():
        yield f"{there} is not what the predictions give"


def _page(there: Path, anew: Path, digest: str) -> Finding:
    """A page made by other libraries, or with images that are gone, may look different; its figures may not."""
    if not there.exists():
        return Finding("page", (f"{there} is missing",), "")
    content = there.read_bytes()
    if content == anew.read_bytes():
        return Finding("page", (), "is the one that the predictions give")
    body, _, seal = content.rpartition(b"<!-- sha256: ")
    if not seal.startswith(hashlib.sha256(body).hexdigest().encode()):
        return Finding("page", (f"{there} is damaged or has been edited",), "")
    if digest.encode() not in body:
        return Finding("page", (f"{there} was made from other tables or predictions",), "")
    return Finding("page", (), "was made from these tables, with other pictures or libraries")
