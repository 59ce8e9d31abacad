"""Which callbacks of Lightning's a run cannot have, and what they can monitor.

It is told from the settings, before Lightning is imported; of a class of the user's own once it is built, see
`training.trainer`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from oral_cancer.settings.loggers import NoLogger
from oral_cancer.settings.training import LinearProbe, SoftLabelClassifier

OF_VALIDATION = ("val_loss", "val_accuracy", "val_rmse")  # two figures of pure images, one of mixed ones
MEASURED = ("train_loss", "train_accuracy", *OF_VALIDATION, "learning_rate")
"""What our network logs of each epoch, and so what callbacks can monitor."""
LAST = "last"
"""The name of a run's own checkpoint."""

SEARCH = "hparams_search=optuna searches"
UNFIT = {
    "BackboneFinetuning": "wants a network of two parts; leave it out",
    "BatchSizeFinder": f"changes what the settings say; set data.batch_size, for which {SEARCH}",
    "LearningRateFinder": f"changes what the settings say; set model.scheduler, for which {SEARCH}",
    "ModelPruning": "takes weights of another memory layout than this network's; leave it out",
    "StochasticWeightAveraging": "trains an epoch more than trainer.max_epochs; EMAWeightAveraging trains no longer",
}
"""Callbacks that no run can have, and why."""
NEED_LOGGER = frozenset(("DeviceStatsMonitor", "LearningRateMonitor", "ThroughputMonitor"))
AVERAGING = frozenset(("WeightAveraging", "EMAWeightAveraging"))
BARS = frozenset(("ProgressBar", "RichProgressBar", "TQDMProgressBar", "progress"))
LIGHTNINGS = ("pytorch_lightning.", "lightning.pytorch.", "oral_cancer.")


@dataclass(frozen=True)
class Told:
    """What is known of a callback.

    Attributes:
        kinds: the name of its class, then those of the classes that it derives from, as far as they are known.
        option: the value of an option by its name, None where it is not given.
    """

    kinds: tuple[str, ...]
    option: Callable[[str], Any]


def faults_of_callbacks(settings: Mapping[str, Any], validated: Sequence[str] = OF_VALIDATION) -> list[str]:
    """A line for each fault of Lightning's callbacks, and of the figures that they wait for, before one is built.

    Args:
        settings: of a training, as plain Python.
        validated: the figures of validation that there are images for.
    """
    callbacks, model = settings.get("callbacks"), settings.get("model")
    told = {
        name: Told((options["_target_"].rpartition(".")[2],), options.get)
        for name, options in (callbacks.items() if isinstance(callbacks, Mapping) else ())
        if isinstance(options, Mapping) and str(options.get("_target_")).startswith(LIGHTNINGS)
    }
    ours = isinstance(model, Mapping) and model.get("_target_") in (SoftLabelClassifier.builds, LinearProbe.builds)
    return callback_faults(told, settings, measurable(settings, validated) if ours else None)


def measurable(
    settings: Mapping[str, Any], validated: Sequence[str] = OF_VALIDATION, measured: Sequence[str] = MEASURED
) -> list[str]:
    """The names of the figures that a callback can monitor.

    Args:
        settings: of a training.
        validated: the figures of validation that there are images for.
        measured: what the network logs.
    """
    if _of(settings, "trainer").get("limit_val_batches") == 0:
        return [name for name in measured if not name.startswith("val_")]
    missing = set(OF_VALIDATION) - set(validated)
    return [name for name in measured if name not in missing]


def callback_faults(
    callbacks: Mapping[str, Told], settings: Mapping[str, Any], known: Sequence[str] | None
) -> list[str]:
    """A line for each reason why callbacks would fail.

    Args:
        callbacks: by their names in the settings.
        settings: of a training.
        known: what can be monitored; None where the network's class, which is the user's, is not asked.
    """
    lines = [f"callbacks.{name}: {said}" for name, one in callbacks.items() for said in _faults(one, settings, known)]
    bars = [name for name, one in callbacks.items() if BARS & set(one.kinds)]
    if len(bars) > 1:
        lines.append(f"callbacks.{bars[1]}: there is a progress bar already; give callbacks.{bars[0]}=null")
    return lines


def _faults(told: Told, settings: Mapping[str, Any], known: Sequence[str] | None) -> Iterator[str]:
    kind, kinds = told.kinds[0], set(told.kinds)
    yield from (f"{kind} {said}" for unfit, said in UNFIT.items() if unfit in kinds)
    if NEED_LOGGER & kinds and _of(settings, "logger").get("_target_") == NoLogger.builds:
        yield f"{kind} needs a logger; give logger=csv, tensorboard or wandb, or leave it out"
    if AVERAGING & kinds and _of(settings, "model").get("recalibrate"):
        yield f"{kind} averages after batch norm is recalibrated; give model.recalibrate=false"
    if AVERAGING & kinds and _of(settings, "model").get("ema") is not None:
        yield f"{kind} averages what is averaged already; give model.ema=null"
    if "ModelCheckpoint" in kinds and (told.option("save_last") or told.option("filename") == LAST):
        yield f"checkpoints/{LAST}.ckpt is the run's own; give another filename, and no save_last"
    monitor = told.option("monitor")
    if monitor is not None and known is not None and monitor not in known:
        guess = get_close_matches(str(monitor).replace("/", "_"), known, n=1)
        meant = f"did you mean {guess[0]}? " if guess else ""
        yield f"monitor={monitor}: nothing of this name is measured; {meant}choose {', '.join(known)}"


def _of(settings: Mapping[str, Any], group: str) -> Mapping[str, Any]:
    """A group's settings, empty where they are of no such form, which is told elsewhere."""
    content = settings.get(group)
    return content if isinstance(content, Mapping) else {}
