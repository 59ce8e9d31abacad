"""Features of images, kept beside their pixels, so that other folds, seeds and treatments reuse them.

They lie in parts, files that are called by the SHA-256 of their content. A part is written once and whole, and what is
not as its name says is removed. Images are told apart by their pixels, those that a treatment makes like any others.
"""

import hashlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from safetensors.numpy import load, save

from oral_cancer.counting import counted
from oral_cancer.errors import UserError
from oral_cancer.files import sole_writer, write_bytes

PART = 256
"""Images of which an interruption loses the features at most."""
IMAGES, FEATURES = "images", "features"  # entries of a part: SHA-256 uint8 (n, 32), and float32 (n, V, D)

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


class FeatureStore:
    """The features that one network, on one kind of device, has of one store's images.

    Args:
        folder: where they lie, or will.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def of(self, images: Sequence[Pixels], compute: Callable[[Pixels], Floats]) -> Floats:
        """The features of images, float32 (N, V, D), of which those that lack are computed and kept.

        Processes may call this at the same time: one computes, the others wait, and reuse what it has kept.

        Args:
            images: uint8 (H, W, 3) each; one may come again.
            compute: float32 (V, D), the features of an image.

        Raises:
            UserError: where they cannot be kept.
        """
        names = [hashlib.sha256(np.ascontiguousarray(pixels).data).digest() for pixels in images]
        by_name = dict(zip(names, images, strict=True))
        try:
            with sole_writer(self.folder, _say):
                known = dict(self._kept(by_name))
                known |= self._computed({name: one for name, one in by_name.items() if name not in known}, compute)
        except OSError as error:
            raise UserError(
                f"{self.folder}: features cannot be kept ({error.strerror or error}): make it writable, or choose "
                "another folder with store="
            ) from error
        return np.stack([known[name] for name in names])

    def _computed(self, lacking: Mapping[bytes, Pixels], compute: Callable[[Pixels], Floats]) -> dict[bytes, Floats]:
        """What is computed of these images, kept part by part, while a terminal shows how far it is."""
        console, started = Console(stderr=True), time.monotonic()
        names = track(list(lacking), "features", console=console, disable=not console.is_terminal)
        found: dict[bytes, Floats] = {}
        unkept: dict[bytes, Floats] = {}
        for name in names:
            found[name] = unkept[name] = compute(lacking[name])
            if len(unkept) == PART or len(found) == len(lacking):
                self._keep(unkept)
                unkept = {}
        if found:
            seconds = time.monotonic() - started
            _say(f"computed {counted(len(found), 'image')} in {seconds:.1f} s")
        return found

    def _kept(self, wanted: Mapping[bytes, Pixels]) -> Iterator[tuple[bytes, Floats]]:
        """Names and features of what is kept of these images."""
        for path in sorted(self.folder.glob("*.safetensors")):
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() != path.stem:
                _say(f"{path} is damaged, and its features are computed anew")
                path.unlink()
                continue
            part = load(content)
            for name, features in zip(part[IMAGES], part[FEATURES], strict=True):
                if name.tobytes() in wanted:
                    yield name.tobytes(), features

    def _keep(self, found: Mapping[bytes, Floats]) -> None:
        names = np.stack([np.frombuffer(name, np.uint8) for name in found])
        content = save({IMAGES: names, FEATURES: np.stack(list(found.values()))})
        write_bytes(self.folder / f"{hashlib.sha256(content).hexdigest()}.safetensors", content)


def _say(text: str) -> None:
    print(f"feature store: {text}", file=sys.stderr, flush=True)
