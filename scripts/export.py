#!/usr/bin/env python3
"""oral-cancer export: python scripts/export.py outputs/studies/paper experiment=m5"""

from oral_cancer.cli import door

main = door("export")

if __name__ == "__main__":
    main()
