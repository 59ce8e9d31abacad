"""Which values of Lightning's trainer a run cannot have, and why. Any other value that Lightning takes works."""

import math
from collections.abc import Callable, Mapping
from typing import Any

Fits = Callable[[Any], bool]


def _one_of(*values: Any) -> Fits:
    """Told apart by type too: 1 is a number of batches to Lightning, 1.0 a share."""
    return lambda value: any(type(value) is type(allowed) and value == allowed for allowed in values)


def _whole(least: int) -> Fits:
    return lambda value: type(value) is int and value >= least


def _positive(value: Any) -> bool:
    return value is None or (type(value) in (int, float) and 0 < value < math.inf)


def _never(value: Any) -> bool:
    return False


OFF = _one_of(None, False)
BATCHES = (
    lambda value: _one_of(None, 1.0)(value) or _whole(0)(value),
    "must be a whole number of batches, or 1.0 for all, for a share may be less than a batch",
)
OPTIONS: dict[str, tuple[Fits, str]] = {
    "accumulate_grad_batches": (_whole(1), "must be a whole number of at least 1"),
    "barebones": (OFF, "leaves neither checkpoint nor history; leave it out"),
    "callbacks": (_never, "callbacks have a group of their own; give +callbacks.<name>={_target_: ...}"),
    "check_val_every_n_epoch": (_whole(1), "must be a whole number of at least 1"),
    "default_root_dir": (_never, "is the run's folder; hydra.run.dir=... chooses another"),
    "enable_checkpointing": (
        _one_of(None, True),
        "an interrupted run goes on from its checkpoint, and predictions of new images need it; leave it out",
    ),
    "fast_dev_run": (
        _one_of(None, False, 0),
        "leaves no checkpoint; trainer.max_epochs=1 +trainer.limit_train_batches=2 is as quick",
    ),
    "gradient_clip_val": (_positive, "must be null or a positive number"),
    "limit_predict_batches": (
        _one_of(None, 1.0),
        "predictions.csv has every validation and test image; leave it out",
    ),
    "limit_test_batches": (_one_of(None, 1.0), "predictions.csv has every test image; leave it out"),
    "limit_train_batches": BATCHES,
    "limit_val_batches": BATCHES,
    "logger": (_never, "the group logger chooses it; give logger=csv, tensorboard, wandb or none"),
    "max_steps": (
        _one_of(-1),
        "a run is whole epochs; trainer.max_epochs=... with +trainer.limit_train_batches=... ends as soon",
    ),
    "max_time": (
        lambda value: value is None or isinstance(value, str | dict),
        "must be a text of days:hours:minutes:seconds such as '00:01:30:00', or a mapping such as {hours: 2}",
    ),
    "model_registry": (_one_of(None), "is a service of Lightning's own; leave it out"),
    "overfit_batches": (
        _one_of(None, 0, 0.0),
        "would validate on training images; +trainer.limit_train_batches=... shortens the epochs",
    ),
    "plugins": (_never, "are chosen by the run; leave them out"),
    "profiler": (
        lambda value: isinstance(value, dict) or _one_of(None, "simple", "advanced", "pytorch")(value),
        "must be simple, advanced or pytorch",
    ),
    "reload_dataloaders_every_n_epochs": (_one_of(0), "every epoch has the same loaders; leave it out"),
    "strategy": (
        lambda value: isinstance(value, dict) or _one_of("auto", "ddp", "ddp_find_unused_parameters_true")(value),
        "must be auto, ddp or ddp_find_unused_parameters_true, for a checkpoint is one file with the whole network",
    ),
    "sync_batchnorm": (OFF, "batch norm sees the whole batch of all devices as it is; leave it out"),
    "use_distributed_sampler": (OFF, "images are divided between the devices as it is; leave it out"),
    "val_check_interval": (
        _one_of(None, 1.0),
        "history.csv has a row an epoch, measured at its end; +trainer.check_val_every_n_epoch=... validates more "
        "seldom, +trainer.limit_train_batches=... shortens the epochs",
    ),
}
"""By option: whether a value can be had, and what is said of one that cannot."""


def refused_options(settings: Mapping[str, Any]) -> list[str]:
    """A line for each option of the trainer with a value that no run can have.

    Args:
        settings: of a training, as plain Python. A network from a file of the user's may be evaluated without a step.
    """
    trainer, model = settings.get("trainer"), settings.get("model")
    if not (isinstance(trainer, Mapping) and isinstance(model, Mapping)):
        return []  # which is told elsewhere
    problems = [
        f"trainer.{option}={trainer[option]}: {said}"
        for option, (fits, said) in OPTIONS.items()
        if option in trainer and not fits(trainer[option])
    ]
    if trainer.get("limit_train_batches") == 0 and model.get("weights") in ("auto", "imagenet", "none"):
        problems.append(
            "trainer.limit_train_batches=0: a network without a step is not trained; give at least 1, or a file of "
            "trained weights as model.weights"
        )
    return problems
