#!/usr/bin/env python3
"""oral-cancer predict: python scripts/predict.py outputs/studies/paper images=/data/culture_7"""

from functools import partial

from oral_cancer.cli import run_verb

main = partial(run_verb, "predict")

if __name__ == "__main__":
    main()
