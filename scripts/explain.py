#!/usr/bin/env python3
"""oral-cancer explain: python scripts/explain.py outputs/studies/paper"""

from oral_cancer.cli import door

main = door("explain")

if __name__ == "__main__":
    main()
