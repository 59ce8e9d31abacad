#!/usr/bin/env python3
"""oral-cancer explain: python scripts/explain.py outputs/studies/paper"""

from functools import partial

from oral_cancer.cli import run_verb

main = partial(run_verb, "explain")

if __name__ == "__main__":
    main()
