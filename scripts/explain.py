"""Show where in an image the networks of a finished study find what they predict.

python scripts/explain.py outputs/studies/paper
"""

import sys

from oral_cancer.command import faults_in_one_line, of_a_study


def main(arguments: list[str] | None = None) -> None:
    """Run the command; see the module's docstring."""
    with faults_in_one_line():
        study, settings = of_a_study("explain", __doc__, arguments)

        from oral_cancer.explain.command import explain_images  # heavy: neither --help nor a refusal needs it

        all_read = explain_images(study, settings)
    if not all_read:
        sys.exit(1)


if __name__ == "__main__":
    main()
