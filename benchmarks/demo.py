#!/usr/bin/env python3
"""How long `python train.py study=demo` takes, from the command to the page.

python -m benchmarks.demo [key=value ...]
"""

import tempfile
from pathlib import Path

from benchmarks.figures import Figure, options, publish
from benchmarks.timed import seconds_of_training


def main() -> None:
    chosen = options(__doc__, ("overrides", {"nargs": "*", "help": "further settings, as train.py takes them"}))
    with tempfile.TemporaryDirectory() as folder:
        seconds = seconds_of_training(Path(folder), "study=demo", *chosen.overrides)
        assert Path(folder, "outputs/studies/demo/report.html").exists()
    publish([Figure("`study=demo`: 25 runs, tables and page", [seconds], "s", 300)], chosen.json)


if __name__ == "__main__":
    main()
