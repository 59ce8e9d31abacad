"""What a study's page says of training sets before and after their treatment: numbers by label, and sample images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from oral_cancer.data.overview import samples
from oral_cancer.data.reading import NewReading
from oral_cancer.data.training_set import INTERPOLATED
from oral_cancer.pages.colours import ACCENT, MUTED
from oral_cancer.pages.panels import Panel, legible, name_rows, small_figure
from oral_cancer.study.methods import treatment_of
from oral_cancer.study.pictures import as_trained, inlined
from oral_cancer.study.run_record import RunRecord
from oral_cancer.study.runs import Study
from oral_cancer.training.splits_file import COPIES, FILE, read_splits
from oral_cancer.training.synthetic_file import SIDE, read_synthetic

MOST = 4  # pictures of kept images, and as many of removed ones
PARTS: dict[str, dict[str, Any]] = {
    "kept": {"color": ACCENT[0]},
    "again": {"color": ACCENT[0], "alpha": 0.4},
    "synthetic": {"fc": "none", "ec": ACCENT[0], "hatch": "/////"},
}
"""What a training set consists of after its treatment, and how the plot draws it."""


@dataclass(frozen=True)
class Sample:
    """A picture of the training set as a data URI, and what stands below it."""

    picture: str
    caption: str


@dataclass(frozen=True)
class TreatedSet:
    """The training set of an experiment's first finished run.

    Attributes:
        name: the experiment, and its treatment in words.
        numbers: by label `before`, and after the treatment `after`, made up of `PARTS`: images that were `kept`, how
            often some of them are there `again`, and `synthetic` ones; NaN where the run did not record these.
        samples: pictures of images that were kept, removed and made, by these words; of labels from which the
            treatment removed images, or for which it made some, and of all where it made some between labels.
    """

    name: str
    numbers: pd.DataFrame
    samples: dict[str, list[Sample]]

    @property
    def recorded(self) -> bool:
        """Whether the run says how often it trained on each image."""
        return not self.numbers["kept"].isna().any()


def training_sets(
    study: Study, experiments: Sequence[str], folder: Path | None, new: NewReading
) -> Iterator[TreatedSet]:
    """Those of the experiments whose runs have recorded them.

    Args:
        study: it.
        experiments: in the order wanted.
        folder: what the files lie below; None where that is not known.
        new: how the files are read.

    Raises:
        UserError: for a splits.csv that cannot be read.
    """
    for experiment in experiments:
        run = next(run for run in study.complete if run.experiment == experiment)
        if (run.folder / FILE).is_file() and run.facts.get("training_images"):
            splits = read_splits(run.folder)
            trained = splits[splits["role"] == "train"]
            numbers = _numbers(run, trained, study.classes)
            name = ": ".join(filter(None, (experiment, treatment_of(run))))
            samples = {} if study.private else dict(_samples(run, trained, numbers, folder, new))
            yield TreatedSet(name, numbers, samples)


def _numbers(run: RunRecord, trained: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    before = trained["label"].value_counts()
    after = pd.Series(run.facts["training_images"])
    order = [*classes, *sorted({*before.index, *after.index} - set(classes))]
    labels = [name for name in order if name in before.index or name in after.index]
    numbers = pd.DataFrame({"before": before, "after": after}).reindex(labels).fillna(0).astype(int)
    if COPIES not in trained:
        return numbers.assign(**dict.fromkeys(PARTS, np.nan))
    by_label = trained[COPIES].groupby(trained["label"])
    kept = by_label.agg(lambda copies: (copies > 0).sum()).reindex(labels, fill_value=0)
    again = by_label.sum().reindex(labels, fill_value=0) - kept
    return numbers.assign(kept=kept, again=again, synthetic=numbers["after"] - kept - again)


def _samples(
    run: RunRecord, trained: pd.DataFrame, numbers: pd.DataFrame, folder: Path | None, new: NewReading
) -> Iterator[tuple[str, list[Sample]]]:
    if COPIES not in trained:
        return
    changed = numbers.index[(numbers["before"] != numbers["kept"]) | (numbers["synthetic"] > 0)]
    of_changed = trained if INTERPOLATED in changed else trained[trained["label"].isin(changed)]
    preprocess = str(((run.facts.get("config") or {}).get("model") or {}).get("preprocess"))
    of_each = {"kept": of_changed[of_changed[COPIES] > 0], "removed": of_changed[of_changed[COPIES] == 0]}
    for words, rows in of_each.items():
        few = _spread(rows)
        files = zip(few["file"], few["sha256"], few["label"], strict=True) if folder else ()
        pictures = [(as_trained(folder / file, sha256, new, SIDE, preprocess), label) for file, sha256, label in files]
        if shown := [Sample(picture, label) for picture, label in pictures if picture]:
            yield words, shown
    made = {str(label): int(number) for label, number in numbers["synthetic"].items() if number > 0}
    if kept := read_synthetic(run.folder, made):
        yield "synthetic", [Sample(inlined(image, (SIDE, SIDE)), label) for label, image in kept]


def _spread(rows: pd.DataFrame) -> pd.DataFrame:
    """A few of some images, of as many labels as may be."""
    labels, groups, files = (rows[name].tolist() for name in ("label", "group", "file"))
    names = list(dict.fromkeys(labels))
    chosen = samples(names, labels, groups, files, max(1, MOST // max(1, len(names))))
    return rows.iloc[[row for of_label in chosen.values() for row in of_label][:MOST]]


def before_and_after(sets: Sequence[TreatedSet]) -> list[Panel]:
    """A plot an experiment: for each label a line of images before its treatment, and bars of those after."""
    most = max((int(one.numbers[["before", "after"]].max().max()) for one in sets), default=0)
    return [_panel(one, most) for one in sets]


def _panel(treated: TreatedSet, most: int) -> Panel:
    numbers = treated.numbers
    said = []
    with small_figure(0.7 + 0.36 * len(numbers), rect=(0, 0, 0.84, 1)) as (figure, axes):
        axes.grid(axis="x")
        for y, (label, row) in enumerate(zip(numbers.index, numbers.astype(float).to_dict("records"), strict=True)):
            before, after = int(row["before"]), int(row["after"])
            axes.barh(y - 0.22, before, 0.2, color=MUTED[0])
            left = 0.0
            for part in (part for part in PARTS if row[part] > 0):
                axes.barh(y + 0.14, row[part], 0.4, left=left, **PARTS[part])
                left += row[part]
            if not treated.recorded:
                axes.barh(y + 0.14, after, 0.4, color=ACCENT[0])
            text = str(after) if before == after else f"{before} → {after}"
            axes.text(1.03, y, text, transform=axes.get_yaxis_transform(), va="center", in_layout=False)
            said.append(f"{label} {text}")
        axes.set_xlim(0, most)
        name_rows(axes, [legible(str(name)) for name in numbers.index])
        axes.set_xlabel("images")
    return Panel(treated.name, figure, f"{treated.name}, images before → after: {', '.join(said)}")
