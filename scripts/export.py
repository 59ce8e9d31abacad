#!/usr/bin/env python3
"""oral-cancer export: python scripts/export.py outputs/studies/paper experiment=m5"""

from functools import partial

from oral_cancer.cli import run_verb

main = partial(run_verb, "export")

if __name__ == "__main__":
    main()
