"""Predict new images with a finished study, and estimate the composition of the populations that they show.

python scripts/predict.py outputs/studies/paper images=/data/culture_7
"""

import argparse
import sys
from pathlib import Path

from oral_cancer.command import CONF, faults_in_one_line, settings_of


def main(arguments: list[str] | None = None) -> None:
    """Run the command; see the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="settings:\n" + (CONF / "predict.yaml").read_text(encoding="utf-8"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("study", type=Path, help="folder of a study, such as outputs/studies/paper")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings, see below")
    given = parser.parse_args(arguments)
    with faults_in_one_line():
        settings = settings_of("predict", given.overrides)

        from oral_cancer.inference.command import predict_folder  # heavy: neither --help nor a refusal needs it

        all_read = predict_folder(given.study, settings)
    if not all_read:
        sys.exit(1)


if __name__ == "__main__":
    main()
