"""The finished experiments that new images can be predicted by, and their networks, which are loaded once and kept."""

import hashlib
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from oral_cancer.errors import UserError
from oral_cancer.evaluation import tables
from oral_cancer.evaluation.composition_tables import judge
from oral_cancer.explain.explaining import Explainers, explainers_of
from oral_cancer.inference.members import choose_runs
from oral_cancer.inference.prediction import Model
from oral_cancer.study.aggregate import ranking
from oral_cancer.study.listing import studies_below
from oral_cancer.study.run_record import RunRecord
from oral_cancer.study.runs import Study, read_study

KEPT = 3
"""Models whose networks stay in memory, those last used."""
FRESH = 5.0  # seconds for which a look at the folders holds
Made = TypeVar("Made")


@dataclass(frozen=True)
class Offer:
    """A study with a finished run.

    Attributes:
        key: by which the page names it, whatever its path.
        folder: of it.
        experiments: with a finished run, the best by validation first.
        runs: finished ones.
        end: the day when the last of them ended, e.g. "2026-11-26".
    """

    key: str
    folder: Path
    experiments: Sequence[str]
    runs: int
    end: str


@dataclass(frozen=True)
class Card:
    """What there is to know of an experiment before its networks are loaded."""

    offer: Offer
    study: Study
    runs: Sequence[RunRecord]

    @property
    def experiment(self) -> str:
        return self.runs[0].experiment


@dataclass(frozen=True)
class Loaded:
    """An experiment whose networks are in memory.

    Attributes:
        model: that predicts.
        off: by how much its estimates of the study's test cultures are off, as the mean absolute error of a proportion;
            None without such.
        cultures: how many these are.
    """

    model: Model
    off: float | None
    cultures: int


class Shelf:
    """What the folders of results hold.

    Args:
        folders: below which studies are looked for.
        trust: whether networks of a user's own class are imported.
    """

    def __init__(self, folders: Sequence[Path], trust: bool = False) -> None:
        self.folders = folders
        self.trust = trust
        self._looking = threading.Lock()
        self._making: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._looked: tuple[float, list[Offer]] = (-FRESH, [])
        self._known: dict[tuple[str, float], Offer | None] = {}
        self._kept: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def studies(self) -> dict[str, Path]:
        """All studies by their keys, whether a run of them is finished or not."""
        found = (study for folder in self.folders if folder.is_dir() for study in studies_below(folder))
        return {_key(study): study for study in found}

    def offers(self) -> list[Offer]:
        """The studies with a finished run, that which ended last first."""
        with self._looking:
            at, offers = self._looked
            if time.monotonic() - at > FRESH:
                known = (self._offer(key, folder) for key, folder in self.studies().items())
                offers = sorted((one for one in known if one), key=lambda one: one.end, reverse=True)
                self._looked = (time.monotonic(), offers)
            return offers

    def card(self, key: str, experiment: str) -> Card:
        """The finished runs of an experiment.

        Raises:
            UserError: where there is none of these, and for files of theirs that are damaged.
        """
        offer = next((one for one in self.offers() if one.key == key and experiment in one.experiments), None)
        if offer is None:
            raise UserError("the model is no longer there; choose another")

        def make() -> Card:
            return Card(offer, *choose_runs(offer.folder, experiment))

        return self._once(("card", key, experiment, offer.end), make)

    def loaded(self, card: Card) -> Loaded:
        """Its networks; see `card`."""

        def make() -> Loaded:
            model = Model.load(card.study, card.runs, trust=self.trust)
            composed = judge(card.study.predictions, model.headline)
            off = [
                np.abs(found.mean - one.truth).mean()
                for one, found in zip(composed.cultures, composed.estimates, strict=True)
            ]
            return Loaded(model, float(np.mean(off)) if off else None, len(off))

        return self._once(("networks", card.offer.key, card.experiment, card.offer.end), make)

    def explainers(self, card: Card) -> Explainers:
        """The network of the first run, by which images are explained."""

        def make() -> Explainers:
            return explainers_of(card.runs[:1], self.trust)

        return self._once(("explainers", card.offer.key, card.experiment, card.offer.end), make)

    def _once(self, key: tuple[Any, ...], make: Callable[[], Made]) -> Made:
        with self._making[key[0]]:
            made: Made = self._kept[key] if key in self._kept else make()
            self._kept[key] = made
            self._kept.move_to_end(key)
            for old in list(self._alike(key))[:-KEPT]:
                del self._kept[old]
            return made

    def _alike(self, key: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        return (one for one in self._kept if one[0] == key[0])

    def _offer(self, key: str, folder: Path) -> Offer | None:
        """What a study offers, looked at again once a manifest in it is another."""
        changed = max((path.stat().st_mtime for path in folder.glob("*/*/manifest.json")), default=0.0)
        if (key, changed) not in self._known:
            self._known[key, changed] = _offer_of(key, folder)
        return self._known[key, changed]


def _offer_of(key: str, folder: Path) -> Offer | None:
    try:
        study = read_study(folder)
        experiments = ranking(tables.summary(study.predictions))
    except UserError:  # no finished run, or faults that `oral-cancer report` tells of
        return None
    ends = [str(run.facts.get("end") or "") for run in study.complete]
    return Offer(key, folder, experiments, len(study.complete), max(ends)[:10])


def _key(study: Path) -> str:
    return hashlib.sha256(str(study.resolve()).encode()).hexdigest()[:12]
