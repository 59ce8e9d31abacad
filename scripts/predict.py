"""Predict new images with a finished study, and estimate the composition of the populations that they show.

python scripts/predict.py outputs/studies/paper images=/data/culture_7
"""

import sys

from oral_cancer.command import faults_in_one_line, of_a_study


def main(arguments: list[str] | None = None) -> None:
    """Run the command; see the module's docstring."""
    with faults_in_one_line():
        study, settings = of_a_study("predict", __doc__, arguments)

        from oral_cancer.inference.command import predict_folder  # heavy: neither --help nor a refusal needs it

        all_read = predict_folder(study, settings)
    if not all_read:
        sys.exit(1)


if __name__ == "__main__":
    main()
