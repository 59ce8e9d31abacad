#!/usr/bin/env python3
"""oral-cancer train: python train.py [-m] [group=choice] [key=value]. See python train.py --help."""

from oral_cancer.cli import door

main = door("train")

if __name__ == "__main__":
    main()
