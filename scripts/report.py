#!/usr/bin/env python3
"""oral-cancer report: python scripts/report.py outputs/studies/paper"""

from oral_cancer.cli import door

main = door("report")

if __name__ == "__main__":
    main()
