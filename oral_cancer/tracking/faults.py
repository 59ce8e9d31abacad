"""What W&B can fail at once a run is under way, which costs the run nothing but a line."""

from collections.abc import Iterator
from contextlib import contextmanager

import wandb
from wandb.sdk.lib.service.service_connection import WandbApiFailedError

from oral_cancer.errors import brief

FAULTS = (wandb.Error, WandbApiFailedError, OSError, ValueError)
"""What is raised of a server that refuses, does not answer, or answers what nobody understands."""


@contextmanager
def only_told(what: str) -> Iterator[None]:
    """Go on without something that W&B has not taken, and say so."""
    try:
        yield
    except FAULTS as error:
        print(f"W&B: {what} is not logged ({brief(error)})", flush=True)
