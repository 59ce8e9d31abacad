"""Reads the files named on standard input, one a line, and answers each with a line of JSON; memory is limited."""

import json
import resource
import sys

import numpy as np
from numpy.typing import NDArray

from oral_cancer.data.reader import read_image
from oral_cancer.formats.picture import Ambiguous, Choice

LIMIT = 2**30  # bytes beyond what the process has at its start


def read(path: str) -> NDArray[np.uint8]:
    """The picture; of all planes and the first channel where there are several."""
    try:
        return read_image(path)
    except Ambiguous:
        return read_image(path, choice=Choice(plane="max", channels=(0,)))


def main() -> None:
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + LIMIT, size + LIMIT))
    for line in sys.stdin:
        try:
            image = read(json.loads(line))
            assert image.dtype == np.uint8
            assert image.ndim == 3
            answer = {"shape": image.shape, "sum": int(image.sum())}
        except ValueError as fault:
            answer = {"fault": str(fault)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
