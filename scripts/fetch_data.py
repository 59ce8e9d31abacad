#!/usr/bin/env python3
"""oral-cancer fetch: python scripts/fetch_data.py"""

from oral_cancer.cli import door

main = door("fetch")

if __name__ == "__main__":
    main()
