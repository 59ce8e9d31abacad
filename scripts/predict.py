#!/usr/bin/env python3
"""oral-cancer predict: python scripts/predict.py outputs/studies/paper images=/data/culture_7"""

from oral_cancer.cli import door

main = door("predict")

if __name__ == "__main__":
    main()
