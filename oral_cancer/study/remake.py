"""The report of a study or a search, made again from what its folder holds."""

from pathlib import Path

from oral_cancer.study.journal import read_search
from oral_cancer.study.report import show_summary, write_report
from oral_cancer.study.runs import read_study
from oral_cancer.study.search_page import write_search_report


def remake_report(folder: Path) -> None:
    """Write the tables and the page of a study, or those of a search.

    Raises:
        UserError: for a folder that holds neither, and for damaged files.
    """
    if read_search(folder) is not None:
        write_search_report(folder)
        return
    study = read_study(folder)
    show_summary(study, *write_report(study))
