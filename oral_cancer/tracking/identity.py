"""What runs, artifacts, figures and panels are called in W&B."""

import hashlib
import os
import re
import secrets

LONGEST = 128  # characters of an artifact's name
EPOCH = "epoch"  # what curves are drawn over
CURVES = "curves"  # their section
STRANGE = re.compile(r"[^A-Za-z0-9_.-]+")


def run_id(before: str | None) -> str:
    """The id of a training that begins: in a sweep of W&B's own what its agent says, else that of before, or a new one.

    Args:
        before: of the training that goes on; None for one that begins anew.
    """
    return _of_agent() or before or secrets.token_hex(8)


def in_sweep(experiment: str) -> str:
    """What an experiment is called: in a sweep of W&B's own each of its runs is one, with a folder of its own."""
    return "-".join(filter(None, (experiment, _of_agent())))


def _of_agent() -> str | None:
    """The id of the run that an agent of W&B's has begun this process for."""
    return os.environ.get("WANDB_RUN_ID") if os.environ.get("WANDB_SWEEP_ID") else None


def artifact_name(kind: str, *parts: str) -> str:
    """The name of an artifact, the same for the same parts, of characters that W&B takes.

    >>> artifact_name("network", "paper", "m5/fold=0")
    'network-paper-m5-fold-0'
    """
    whole = "-".join([kind, *parts])
    name = STRANGE.sub("-", whole)
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 9]}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def curve(name: str) -> str:
    """What a figure that Lightning logs is called; a name with a section of its own keeps it, and epochs are no curve.

    >>> curve("val_rmse"), curve("lr-Adam/pg1"), curve("epoch")
    ('curves/val_rmse', 'lr-Adam/pg1', 'epoch')
    """
    return name if name == EPOCH else key(*([] if "/" in name else [CURVES]), name)


def key(*parts: str) -> str:
    """The name of a figure or a panel: sections apart by "/", no spaces.

    >>> key("plots", "macro F1, test")
    'plots/macro_F1_test'
    """
    return "/".join(re.sub(r"[\s,:;]+", "_", part.strip()) for part in parts)
