"""How a command meets its user: faults in one line each, no traceback unless asked for."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import HydraException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from oral_cancer.errors import UserError

TRACEBACK_WANTED = os.environ.get("HYDRA_FULL_ERROR") == "1"
os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra passes its errors on instead of printing them its own way


@contextmanager
def faults_in_one_line() -> Iterator[None]:
    """End the process with exit code 1 and one line on standard error for each fault that is the user's.

    With HYDRA_FULL_ERROR=1 in the environment the traceback is shown instead.
    """
    try:
        yield
    except (UserError, HydraException, OmegaConfBaseException) as error:
        if TRACEBACK_WANTED:
            raise
        fault = error.__cause__ if isinstance(error.__cause__, UserError) else error  # Hydra wraps what it calls
        for line in fault.lines if isinstance(fault, UserError) else [brief(fault)]:
            print(f"error: {line}", file=sys.stderr)
        sys.exit(1)


def brief(error: Exception) -> str:
    """What an error says on one line, less where Hydra has searched."""
    if isinstance(error, OverrideParseException):
        return f"{error.override}: cannot be read; quote a value with special characters twice, 'key=\"value\"'"
    return " ".join(str(error).partition("Config search path:")[0].split())
