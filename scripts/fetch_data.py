#!/usr/bin/env python3
"""oral-cancer fetch: python scripts/fetch_data.py"""

from functools import partial

from oral_cancer.cli import run_verb

main = partial(run_verb, "fetch")

if __name__ == "__main__":
    main()
