"""A W&B run: online where the user is logged in and the server answers, else offline; and W&B kept out of home."""

import logging
import netrc
import os
import secrets
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import wandb

START_TIMEOUT = 10.0  # seconds that a process waits, once, for the W&B server
PRIVATE: dict[str, Any] = {
    "host": "",
    "console": "off",  # which would keep what is printed, paths among it
    "disable_code": True,
    "disable_git": True,
    "x_disable_machine_info": True,
    "x_disable_meta": True,
    "x_save_requirements": False,
}
"""Settings of W&B with which it looks at neither machine nor folders."""


def start_wandb(project: str, save_dir: str, private: bool = False, **options: Any) -> wandb.Run:
    """A new W&B run; online if the user is logged in and the server answers in time, else offline.

    Args:
        project: of W&B.
        save_dir: W&B's own files lie below `wandb/` in it.
        private: whether W&B is told nothing of machine and folders, see `privacy`.
        options: further ones of `wandb.init`.
    """
    Path(save_dir, "wandb").mkdir(parents=True, exist_ok=True)
    keep_quiet_and_out_of_home(save_dir)
    options = {"id": secrets.token_hex(8), "project": project, "dir": str(Path(save_dir).resolve())} | options
    given = [tag.strip() for tag in os.environ.get("WANDB_TAGS", "").split(",") if tag.strip()]
    options["tags"] = list(dict.fromkeys([*options.get("tags", []), *given]))  # which W&B would forget for ours
    options["settings"] = wandb.Settings(init_timeout=START_TIMEOUT, **(PRIVATE if private else {}))
    mode: Any = os.environ.get("WANDB_MODE") or ("online" if logged_in() else "offline")
    try:
        return wandb.init(**options, mode=mode)
    except wandb.Error as error:
        said = str(error).partition("\n")[0]
        print(f"W&B does not answer ({said}); the run is kept offline below {save_dir}/wandb", flush=True)
        wandb.teardown()  # its service still holds the run's id
        for begun in Path(save_dir, "wandb").glob(f"run-*-{options['id']}"):
            shutil.rmtree(begun)
        os.environ["WANDB_MODE"] = "offline"  # nor do later runs of this process wait
        return wandb.init(**options, mode="offline")


def logged_in() -> bool:
    """Whether W&B finds a key of the user's for its server, wherever they are kept."""
    settings = wandb.setup().settings
    if settings.api_key or settings.identity_token_file:
        return True
    try:
        known = netrc.netrc(os.environ.get("NETRC") or Path.home() / ".netrc")
    except (OSError, netrc.NetrcParseError):
        return False
    return known.authenticators(urlsplit(settings.base_url).hostname or "") is not None


def keep_quiet_and_out_of_home(save_dir: str) -> None:
    """Let W&B say nothing, and put what it stages and caches below `wandb/`, unless the user's environment says else.

    Its settings are read from home, where the user has logged in, if there are any.
    """
    os.environ.setdefault("WANDB_SILENT", "true")
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # W&B's telemetry, whose failures are nobody's
    folder = Path(save_dir, "wandb").resolve()
    places = {"WANDB_DATA_DIR": ".data", "WANDB_CACHE_DIR": ".cache", "WANDB_ARTIFACT_DIR": ".artifacts"}
    if not (Path.home() / ".config" / "wandb").exists():
        places["WANDB_CONFIG_DIR"] = ".config"
    for variable, name in places.items():
        os.environ.setdefault(variable, str(folder / name))
