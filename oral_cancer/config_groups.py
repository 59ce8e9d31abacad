"""Where the config groups lie: beside the package in the repository, in it once installed."""

from pathlib import Path

PACKAGE = Path(__file__).parent
SWEEPS = "sweeps"  # in CONF: sweeps of W&B, which are no config group
CONF = next(folder for folder in (PACKAGE / "conf", PACKAGE.parent / "conf") if folder.is_dir())
