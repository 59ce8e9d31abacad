"""What a study did, in words to read and to paste, from the manifests of its runs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from oral_cancer.counting import counted
from oral_cancer.data.preprocessing import IN_WORDS
from oral_cancer.pages.grids import LACKING, Entry, Grid
from oral_cancer.settings.augmentation import (
    ROBUST,
    BatchAugmentation,
    KerasAugmentation,
    OfAccelerator,
    Puzzle,
    RandAugment,
    Robust,
)
from oral_cancer.settings.learning import learning
from oral_cancer.settings.resampling import (
    BorderlineSmote,
    CutMix,
    EnnRandomOverSampling,
    NoResampling,
    RandomOverSampling,
    SoftSmote,
)
from oral_cancer.study.progress import duration
from oral_cancer.study.run_record import RunRecord
from oral_cancer.study.runs import Study

SETS = {"homo": "pure", "hetero": "mixed"}
TREATMENTS = {
    section.builds: section.words
    for section in (NoResampling, RandomOverSampling, BorderlineSmote, EnnRandomOverSampling, CutMix, SoftSmote)
}
"""The treatments of this package by what builds them; one of the user's own is called by its class."""
AUGMENTATIONS = {
    **{section.builds: "" for section in (OfAccelerator, BatchAugmentation, KerasAugmentation)},
    **{section.builds: section.words for section in (Robust, RandAugment, Puzzle)},
}
"""What is more than rotation and flips, by what makes it."""
PAPER = "PLOS ONE e0310304, doi:10.1371/journal.pone.0310304"


def experiments(study: Study, order: Iterable[str]) -> Grid:
    """What each experiment trains on, how the set is treated, with which network, on how many images.

    Args:
        study: its finished runs.
        order: names of the experiments.
    """
    runs = {name: [run for run in study.complete if run.experiment == name] for name in order}
    columns: dict[str, Callable[[list[RunRecord]], str]] = {
        "trains on": lambda of: _each(of, lambda run: _sets(run, set(study.predictions["set"]))),
        "treatment of the training set": lambda of: _each(of, treatment_of),
        "preprocessing": lambda of: _each(of, preprocessing_of),
        "class weights": lambda of: _each(of, lambda run: _setting(run, "data", "class_weights")),
        "network": lambda of: _each(of, lambda run: _setting(run, "model", "backbone")),
        "augmentation": lambda of: _each(of, augmentation_of),
        "how it learns": lambda of: _each(of, learning_of),
        "training images": _training_images,
    }
    found = {head: [say(of) for of in runs.values()] for head, say in columns.items()}
    found = {head: texts for head, texts in found.items() if set(texts) - {"", "None"}}
    rows = zip(runs, *found.values(), strict=True)
    return Grid("", ("experiment", *found), tuple(tuple(map(Entry, row)) for row in rows), len(found))


def methods(study: Study) -> list[str]:
    """Sentences for the methods section of a paper: data, recipe, evaluation, software, hardware and hours."""
    runs = study.complete
    facts = runs[0].facts
    versions = facts.get("versions") or {}
    seconds = sum(float(run.facts.get("seconds") or 0) for run in runs)
    images = f"{facts.get('images', 'an unknown number of')} images"
    kinds = f"{len(study.classes)} classes ({', '.join(study.classes)})"
    mixtures = sorted(set(study.predictions.loc[study.predictions["set"] == "hetero", "label"]))
    if mixtures:
        kinds += f" and {len(mixtures)} mixture{'s' * (len(mixtures) > 1)} of these ({', '.join(mixtures)})"
    counts = study.predictions.drop_duplicates(["split", "file"])["split"].value_counts()
    parts = f"{counts.get('test', 0)} were set aside to test" if counts.get("test") else "None was set aside to test"
    network = _each(runs, lambda run: _setting(run, "model", "backbone"))
    size = _each(runs, lambda run: _setting(run, "model", "image_size"))
    weights = _each(runs, lambda run: str(run.facts.get("weights", "")))
    seeds = list(dict.fromkeys(str(run.facts.get("seed", "unknown")) for run in runs))
    device = _each(runs, lambda run: f"{run.facts.get('device', '?')} in precision {run.facts.get('precision', '?')}")
    compared = [text for text in dict.fromkeys(map(treatment_of, runs)) if text not in ("", "none")]
    otherwise = list(dict.fromkeys(text for text in map(learning_of, runs) if text))
    departed = list(dict.fromkeys(line for run in runs for line in run.facts.get("departures") or ()))
    equalised: dict[str, list[str]] = {}
    for run in runs:
        equalised.setdefault(preprocessing_of(run), []).append(run.experiment)
    folds = len({run.fold for run in runs})
    views = _each(runs, lambda run: _setting(run, "model", "views"))
    software = ", ".join(f"{name} {versions[name]}" for name in SOFTWARE if name in versions)
    return [
        f"There were {images} of {kinds}. {parts} and took part in no training and no choice.",
        f"A network {network} ({size} px, weights at the start: {weights}) {_training(runs)}, with soft labels: "
        f"the proportions of the classes in an image. It was trained on {counted(folds, 'fold')}, from "
        f"seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}.",
        *([f"Beside softmax and squared error: {'; '.join(otherwise)}."] if otherwise else []),
        *(
            f"The images of {', '.join(dict.fromkeys(names))} were preprocessed by {words}."
            for words, names in equalised.items()
            if words
        ),
        *([of_views(views)] if views not in ("", "1") else []),
        f"Treatments of the training set: {'; '.join(compared)}." if compared else "The training set was not treated.",
        *([f"Departures from the recipe of the network: {'; '.join(departed)}."] if departed else []),
        f"Training took {duration(seconds)} in all on {device}. Software: {software or 'not recorded'}.",
    ]


def _training(runs: Sequence[RunRecord]) -> str:
    ridge = _each(runs, lambda run: _setting(run, "model", "ridge"))
    frozen = f"was frozen and given a softmax regression (ridge {ridge}) on its features for a head" if ridge else ""
    stepping = [run for run in runs if not _setting(run, "model", "ridge")]
    if not stepping:
        return frozen
    optimizer = _each(stepping, lambda run: _setting(run, "model", "optimizer", "_target_").rpartition(".")[2])
    schedule = _each(stepping, lambda run: _words(_setting(run, "model", "scheduler", "_target_").rpartition(".")[2]))
    epochs = _each(stepping, lambda run: _setting(run, "trainer", "max_epochs"))
    batch = _each(stepping, lambda run: _setting(run, "data", "batch_size"))
    stepped = (
        f"was trained by {optimizer} with a {schedule} learning rate for {epochs} epoch{'s' * (epochs != '1')} in "
        f"batches of {batch}"
    )
    return f"{stepped} or {frozen}" if frozen else stepped


def of_views(number: str) -> str:
    """What predictions are means over, where images have several views; "1 or 8" where experiments differ."""
    return (
        f"Predictions, in validation too, are means over {number} turns and flips of each image; the curves of a "
        "training are of images as they lie."
    )


SOFTWARE = ("oral-cancer", "torch", "pytorch-lightning", "timm", "imbalanced-learn", "scikit-learn", "numpy")


def citation(study: Study) -> str:
    """What to cite, in one line."""
    version = (study.complete[0].facts.get("versions") or {}).get("oral-cancer", "")
    return f"oral-cancer {version}, after the method of {PAPER}.".replace(" ,", ",")


def _setting(run: RunRecord, *path: str) -> str:
    """A setting of a run as its manifest has it, "" where it has not."""
    value: Any = run.facts.get("config")
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return "" if value is None else str(value)


def _sets(run: RunRecord, there: set[str]) -> str:
    """The sets that a run trains on, of those that there are."""
    sets = (run.facts.get("config") or {}).get("data", {}).get("train_sets") or ()
    return " and ".join(SETS.get(name, str(name)) for name in sets if name in there) + " images" if sets else ""


def treatment_of(run: RunRecord) -> str:
    """A run's treatment in words, "" where its manifest does not say."""
    target = _setting(run, "resampling", "_target_")
    words = TREATMENTS.get(target, target.rpartition(".")[2])
    return f"{words} in 8 bits that wrap round" if _setting(run, "resampling", "eight_bits") == "True" else words


def augmentation_of(run: RunRecord) -> str:
    """What else than rotation and flips a run's training images undergo, by what makes it; "" for nothing."""
    target = _setting(run, "augmentation", "_target_")
    if target == OfAccelerator.builds and _setting(run, "augmentation", "recipe") == ROBUST:
        return Robust.words
    return AUGMENTATIONS.get(target, target.rpartition(".")[2])


def learning_of(run: RunRecord) -> str:
    """What a run's network learns otherwise than from whole labels by softmax and squared error; "" for nothing."""
    config = run.facts.get("config")
    model = config.get("model") if isinstance(config, Mapping) else None
    return ", ".join(learning(model)) if isinstance(model, Mapping) else ""


def preprocessing_of(run: RunRecord) -> str:
    """What was done to a run's images once they were resized, in words; "" for nothing."""
    return IN_WORDS.get(_setting(run, "model", "preprocess"), "")


def _training_images(runs: list[RunRecord]) -> str:
    counts = [sum(run.facts["training_images"].values()) for run in runs if run.facts.get("training_images")]
    if not counts:
        return LACKING
    return str(counts[0]) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def _each(runs: Iterable[RunRecord], say: Callable[[RunRecord], str]) -> str:
    return " or ".join(dict.fromkeys(text for text in map(say, runs) if text))


def _words(name: str) -> str:
    return name.replace("_", "-")
