"""Make the tables and the page of a study or a search again, from whatever runs or trials are there.

python scripts/report.py outputs/studies/paper
python scripts/report.py --verify outputs/studies/paper   # whether predictions, tables and page agree; writes nothing
"""

import argparse
from pathlib import Path

from oral_cancer.command import faults_in_one_line
from oral_cancer.errors import refuse


def main(arguments: list[str] | None = None) -> None:
    """Run the command; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, help="folder of a study: <experiment>/fold=<k>/ and perhaps study.yaml")
    parser.add_argument("--verify", action="store_true", help="write nothing; recompute all, and say what agrees")
    given = parser.parse_args(arguments)
    with faults_in_one_line():
        if given.verify:
            from oral_cancer.study.verify import verify_study

            refuse([line for finding in verify_study(given.study) for line in finding.shown()])
            return
        from oral_cancer.study.journal import read_search  # heavy: --help does not need it

        if read_search(given.study) is not None:
            from oral_cancer.study.search_page import write_search_report

            write_search_report(given.study)
            return
        from oral_cancer.study.report import show_summary, write_report
        from oral_cancer.study.runs import read_study

        study = read_study(given.study)
        show_summary(study, *write_report(study))


if __name__ == "__main__":
    main()
