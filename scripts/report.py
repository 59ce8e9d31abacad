"""Make a study's tables and its page again, from whatever cells are there.

python scripts/report.py outputs/studies/paper
"""

import argparse
from pathlib import Path

from oral_cancer.command import faults_in_one_line


def main(arguments: list[str] | None = None) -> None:
    """Run the command; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, help="folder of a study: <model>/fold=<k>/ and perhaps study.yaml")
    study_folder: Path = parser.parse_args(arguments).study
    with faults_in_one_line():
        from oral_cancer.study.aggregate import write_tables  # heavy: --help does not need it
        from oral_cancer.study.cells import read_study
        from oral_cancer.study.report import show_summary, write_page

        study = read_study(study_folder)
        tables = write_tables(study, study.folder / "tables")
        show_summary(study, tables, write_page(study, tables))


if __name__ == "__main__":
    main()
