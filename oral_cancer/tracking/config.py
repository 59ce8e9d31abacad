"""What W&B's config says of a training: the settings by which one looks for runs, flat and few."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def chosen(config: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, str | int | float | bool | None]:
    """The settings that tell runs apart, as plain values; the whole settings are an artifact.

    A treatment, an optimiser or a schedule is called by what builds it, such as `EnnRandomOverSampling`.

    Args:
        config: the settings of the training, resolved.
        facts: of its manifest: of the data, the machine and the training set.
    """
    data, model, trainer = (config.get(group) or {} for group in ("data", "model", "trainer"))
    schedule = model.get("scheduler") or {}
    rates = [*(schedule.get("rates") or ()), *filter(None, [schedule.get("max_rate")])]
    steps = trainer.get("max_steps")
    counts = facts.get("training_images") or {}
    found = {
        "data": Path(str(facts.get("source", ""))).name,
        "fingerprint": str(facts.get("fingerprint", ""))[:16],
        "train_sets": "+".join(data.get("train_sets") or ()),
        "training_images": sum(counts.values()),
        "treatment": _class(config.get("resampling")),
        "class_weights": None if data.get("class_weights") is None else str(data["class_weights"]),
        "augmentation": str((config.get("augmentation") or {}).get("recipe") or _class(config.get("augmentation"))),
        "network": model.get("backbone"),
        "image_size": model.get("image_size"),
        "weights": str(facts.get("weights", "")).partition(" ")[0],
        "loss": model.get("loss"),
        "optimizer": _class(model.get("optimizer")),
        "schedule": _class(schedule),
        "learning_rate": max(rates) * schedule.get("factor", 1.0) if rates else None,
        "ridge": model.get("ridge"),
        "epochs": trainer.get("max_epochs"),
        "steps": steps if steps and steps > 0 else None,
        "batch_size": data.get("batch_size"),
        "folds": data.get("folds"),
        "split_seed": config.get("split_seed"),
        "seed": config.get("seed"),
        "precision": facts.get("precision"),
        "device": facts.get("device"),
        "devices": facts.get("devices"),
    }
    return {name: value for name, value in found.items() if value is not None and value != ""}


def _class(settings: Any) -> str:
    target = settings.get("_target_") if isinstance(settings, Mapping) else None
    return str(target or "").rpartition(".")[2]
