#!/usr/bin/env python3
"""oral-cancer train: python train.py [-m] [group=choice] [key=value]. See python train.py --help."""

from functools import partial

from oral_cancer.cli import run_verb

main = partial(run_verb, "train")

if __name__ == "__main__":
    main()
