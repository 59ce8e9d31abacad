"""python -m oral_cancer: the command `oral-cancer`."""

from oral_cancer.cli import main

if __name__ == "__main__":
    main()
