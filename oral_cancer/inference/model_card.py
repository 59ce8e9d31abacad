"""What someone must know who is handed a model without its study."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from oral_cancer.data.preprocessing import IN_WORDS
from oral_cancer.data.reading import in_lines
from oral_cancer.data.resizing import Resizing
from oral_cancer.data.training_set import INTERPOLATED
from oral_cancer.evaluation import tables
from oral_cancer.evaluation.bootstrap import LEVEL
from oral_cancer.evaluation.composition_tables import compose, compositions, estimators
from oral_cancer.evaluation.ensembles import Ensembles
from oral_cancer.evaluation.predictions import classes_of, mixtures_of
from oral_cancer.evaluation.yardsticks import guess
from oral_cancer.inference.members import networks_in_words, views, views_in_words
from oral_cancer.inference.onnx_files import ENSEMBLE
from oral_cancer.pages import figures
from oral_cancer.pages.compositions import OF_FIELDS, basis
from oral_cancer.pages.render import render
from oral_cancer.settings.augmentation import turning
from oral_cancer.settings.learning import beside, loss_in_words, output_in_words
from oral_cancer.study.run_record import RunRecord
from oral_cancer.study.runs import Study
from oral_cancer.study.sentences import of_rmse


def model_card(study: Study, runs: Sequence[RunRecord], way: Resizing, differences: Mapping[str, float]) -> str:
    """The model card of an exported model, in Markdown (Mitchell et al., Model cards for model reporting, 2019).

    Args:
        study: which the model is part of.
        runs: the model's, whose networks were exported.
        way: how images become the squares that the networks take.
        differences: of the probabilities of each ONNX file from those of its networks.
    """
    study, names = study.shown, [run.name for run in runs]
    runs = [run for run in study.complete if run.name in names]
    model, facts = runs[0].experiment, runs[0].facts
    predictions = study.predictions
    predictions = predictions[predictions["experiment"] == model]
    mixed, composed = Ensembles.of(predictions), compose(predictions)
    return render(
        "oral_cancer.inference",
        "model_card.md.j2",
        {
            "study": study,
            "model": model,
            "runs": runs,
            "networks": networks_in_words(runs),
            "way": way,
            "preprocessed": IN_WORDS.get(way.preprocess),
            "interpolated": INTERPOLATED,
            "views": views(runs),
            "predicted": views_in_words(runs),
            "facts": facts,
            "config": {group: facts["config"].get(group) or {} for group in ("model", "trainer", "data")},
            "output": output_in_words(facts["config"]["model"]),
            "loss": loss_in_words(facts["config"]["model"]),
            "beside": list(beside(facts["config"]["model"])),
            "treatment": _plain(facts["config"].get("resampling")),
            "optimizer": _plain(facts["config"]["model"].get("optimizer")),
            "scheduler": _plain(facts["config"]["model"].get("scheduler")),
            "augmentation": _transforms(facts),
            "callbacks": sorted(set(facts["config"].get("callbacks") or {}) - {"progress"}),
            "classes": study.classes,
            "soft_labels": _soft_labels(predictions),
            "brightness": in_lines(facts["reading"]) if facts.get("reading") else [],
            "tested": {group: _tested(predictions, group) for group in ("homo", "hetero")},
            "ensemble": figures.ensemble(tables.ensemble(mixed), [model]),
            "summary": figures.summary(tables.summary(predictions), [model]),
            "compositions": figures.compositions(compositions(mixed, composed), [model]),
            "estimators": figures.estimators(estimators(mixed, composed), [model]),
            "basis": basis(composed[model].headline),
            "of_fields": OF_FIELDS,
            "level": f"{LEVEL:.0%}",
            "rmse": of_rmse(study.classes, tables.summary(guess(predictions))),
            "differences": differences,
            "ensemble_file": ENSEMBLE,
        },
    )


def _soft_labels(predictions: pd.DataFrame) -> dict[str, str]:
    """The proportions of each label in words, classes before mixtures."""
    classes = classes_of(predictions)
    known = dict(zip(classes, np.eye(len(classes)), strict=True)) | mixtures_of(predictions)
    return {name: ", ".join(f"{share:.3g}" for share in parts) for name, parts in known.items()}


def _transforms(facts: Mapping[str, Any]) -> list[str]:
    given = facts["config"].get("augmentation") or {}
    chosen: Any = turning(given)
    before = [_plain({name: value for name, value in given.items() if name != "then"})] if chosen is not given else []
    if "gpu" in chosen:  # one of several, by what trained
        of_machine = "gpu" if facts.get("augmented_on") == "device" else "cpu"
        chosen = chosen.get(str(chosen.get("recipe")), chosen.get(of_machine))
    transforms = chosen.get("transforms", [chosen]) if isinstance(chosen, dict) else [chosen]
    return before + ([_plain(one) for one in transforms] if isinstance(transforms, list) else [])


def _tested(predictions: Any, image_set: str) -> int:
    of_set = predictions[(predictions["split"] == "test") & (predictions["set"] == image_set)]
    return int(of_set["file"].nunique())


def _plain(settings: Any) -> str:
    """Settings on one line: what was built in training, and with which numbers; "none" for what names nothing."""
    if not isinstance(settings, dict) or "_target_" not in settings:
        return "none"
    numbers = ", ".join(f"{name} {value}" for name, value in settings.items() if not name.startswith("_"))
    return str(settings["_target_"]).rpartition(".")[2] + (f" ({numbers})" if numbers else "")
