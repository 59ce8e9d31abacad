#!/usr/bin/env python3
"""oral-cancer report: python scripts/report.py outputs/studies/paper"""

from functools import partial

from oral_cancer.cli import run_verb

main = partial(run_verb, "report")

if __name__ == "__main__":
    main()
