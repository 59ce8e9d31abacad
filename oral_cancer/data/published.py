"""The published images: fetched from Kaggle, and counted."""

import os
import shutil
from collections import Counter
from pathlib import Path

from oral_cancer.counting import counted
from oral_cancer.data.layout_source import collect
from oral_cancer.data.reading import Reading
from oral_cancer.errors import UserError, refuse
from oral_cancer.layout import SPLITS
from oral_cancer.simulation.published import COUNTS, LABELS, LAYOUT

DATA_SET = "janehsieh/oral-cancer-cells-with-chemoresistance-in-vitro"
PAGE = f"https://www.kaggle.com/datasets/{DATA_SET}"


def fetch_published(into: Path) -> None:
    """Fetch the published images, unless all are there.

    Args:
        into: the folder that their layout is to lie in.

    Raises:
        UserError: if the download fails; a line for each folder whose number of images is not the published one.
    """
    if into.is_dir() and not deviations(into):
        print(f"{into}: already complete")
        return
    fetch(into)
    refuse(deviations(into))
    published = sum(_published(label, split) for label in LABELS.names for split in SPLITS)
    print(f"{into}: complete, all {published} published images")


def _published(label: str, split: str) -> int:
    """How many images of a label are published in the folders of a split."""
    return COUNTS[LABELS.image_set(label)][split]


def deviations(into: Path) -> list[str]:
    """One line for every class or mixture folder whose number of images is not the published one."""
    collection = collect(into, LAYOUT, [], Reading())
    found = Counter((file.label, "test" if file.split == "test" else "val") for file in collection.files)
    return [
        f"{into / LAYOUT.folder(label, split)}: {counted(found[label, split], 'image')}, {_published(label, split)} "
        "are published: remove it, run this again"
        for split in SPLITS
        for label in LABELS.names
        if found[label, split] != _published(label, split)
    ]


def fetch(into: Path) -> None:
    """Download the data set and move its split folders directly below `into`; files already there stay.

    Raises:
        UserError: if the download fails.
    """
    import kagglehub
    from kagglehub import exceptions

    # Below `into`, so that 10 GB are moved by renaming and a download that was interrupted is found again.
    download = into / ".download"
    try:
        download.mkdir(parents=True, exist_ok=True)
        os.environ["KAGGLEHUB_CACHE"] = str(download.resolve())
        fetched = Path(kagglehub.dataset_download(DATA_SET))
        _move_split_folders(fetched, into)
        shutil.rmtree(download)
    except (
        OSError,  # no network, no space; requests' own errors are OSErrors too
        ValueError,
        exceptions.BackendError,
        exceptions.CredentialError,
        exceptions.DataCorruptionError,
        exceptions.NotFoundError,
        exceptions.UnauthenticatedError,
    ) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(
            f"--into {into}: the download failed ({reason}): run this again when Kaggle can be reached, or "
            f"download the data set by hand from {PAGE} and unpack it so that {into}/ holds "
            + ", ".join(f"'{folder}'" for folder in LAYOUT.split_folders)
        ) from error


def _move_split_folders(fetched: Path, into: Path) -> None:
    for path, folders, _ in os.walk(fetched):
        for name in set(folders) & set(LAYOUT.split_folders):
            for source in sorted((Path(path) / name).rglob("*")):
                target = into / name / source.relative_to(Path(path) / name)
                if source.is_file() and not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(source, target)
