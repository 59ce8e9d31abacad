#!/usr/bin/env python3
"""Runs the benchmarks one after the other and puts their figures together: bench.json, and the same as a table.

python -m benchmarks [--out outputs/bench] [--only step ...]
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import torch

from benchmarks.figures import Figure, read

REPOSITORY = Path(__file__).parents[1]
COMMANDS = (
    ("startup",),
    ("step", "--steps", "12", "--rounds", "5"),
    ("step", "--model", "efficientnet_b3", "--steps", "2", "--rounds", "5"),
    ("run", "--folds", "4"),
    ("store",),
    ("treatments",),
    ("predict", "--images", "140", "--rounds", "3"),
    ("predict", "--images", "140", "--rounds", "3", "--folds", "1"),
    ("predict", "--images", "100", "--rounds", "1", "--views", "8"),
    ("report",),
    ("demo",),
    *([("gpu",)] if torch.cuda.is_available() else []),
)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", type=Path, default=Path("outputs/bench"), help="folder of bench.json and bench.md")
    arguments.add_argument("--only", nargs="+", choices=sorted({name for name, *_ in COMMANDS}), help="some of them")
    options = arguments.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    begun = time.perf_counter()
    rows: list[tuple[str, Figure]] = []
    failed = []
    for name, *more in COMMANDS:
        if options.only and name not in options.only:
            continue
        command = " ".join(["python", "-m", f"benchmarks.{name}", *more])
        print(f"\n{command}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            figures = Path(folder, "figures.json")
            call = [sys.executable, "-m", f"benchmarks.{name}", *more, "--json", str(figures)]
            if subprocess.run(call, cwd=REPOSITORY).returncode == 0:
                rows += [(command, figure) for figure in read(figures)]
            else:
                failed.append(command)
    facts = machine() | {"seconds": round(time.perf_counter() - begun), "failed": failed}
    figured = [
        {"command": command} | asdict(figure) | {"median": figure.median, "reached": figure.reached}
        for command, figure in rows
    ]
    content = facts | {"figures": figured}
    (options.out / "bench.json").write_text(json.dumps(content, indent=1) + "\n")
    (options.out / "bench.md").write_text(table(rows))
    print(f"\n{table(rows)}\n{facts['seconds']} s; {options.out / 'bench.json'}, {options.out / 'bench.md'}")
    sys.exit(1 if failed else 0)


def machine() -> dict[str, object]:
    """What the figures were measured on, and when."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def processor() -> str:
    """Its name, where Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def table(rows: list[tuple[str, Figure]]) -> str:
    """The figures in Markdown."""
    head = "| what | to reach | measured | command |\n|---|---|---|---|\n"
    return head + "".join(
        f"| {figure.what} | {figure.to_reach} | {figure.measured} | `{command}` |\n" for command, figure in rows
    )


if __name__ == "__main__":
    main()
