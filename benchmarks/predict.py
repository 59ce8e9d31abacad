#!/usr/bin/env python3
"""How fast new images are predicted, decoding included, beside a plain loop that decodes in the same way.

Both run the same networks of one ensemble in turn in one process, several rounds; the ratio of each round and their
median are printed. Above 1, we are the faster.

    python -m benchmarks.predict [--model efficientnet_lite0] [--images 200] [--folds 5] [--rounds 3]
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from benchmarks.figures import Figure, options, publish
from oral_cancer.config_groups import CONF
from oral_cancer.data.reader import read_image
from oral_cancer.data.reading import NewReading, Reading
from oral_cancer.data.resizing import Resizing, resized
from oral_cancer.inference.engines import torch_ensemble
from oral_cancer.inference.populations import find_images
from oral_cancer.inference.predict import Predicted, predict
from oral_cancer.simulation.collection import write_collection

BATCH = 16


def main() -> None:
    chosen = options(
        __doc__,
        ("--model", {"default": "efficientnet_lite0", "help": "a choice of conf/model"}),
        ("--images", {"type": int, "default": 200}),
        ("--folds", {"type": int, "default": 5, "help": "networks of the ensemble"}),
        ("--rounds", {"type": int, "default": 3}),
    )

    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", [f"model={chosen.model}", "model.weights=none"])
    size = cfg.model.image_size * cfg.model.supersampling
    networks = [instantiate(cfg.model, classes=3).eval() for _ in range(chosen.folds)]
    with tempfile.TemporaryDirectory() as folder:
        write_collection(Path(folder, "images"), chosen.images // 7 + 1, chosen.images // 7 + 1, seed=0)
        images = find_images(Path(folder, "images")).images[: chosen.images]
        plain_files = NewReading(Reading(), {})
        ratios = []
        for number in range(chosen.rounds + 1):
            plain = plain_seconds(networks, [image.path for image in images], size)
            started = time.perf_counter()
            outcomes = predict(images, torch_ensemble(networks), Resizing(size), BATCH, None, plain_files)
            assert all(isinstance(one, Predicted) for one in outcomes)
            ours = time.perf_counter() - started
            if number:  # the first round warms up
                ratios.append(plain / ours)
                print(f"round {number}: plain {len(images) / plain:.1f}, ours {len(images) / ours:.1f} images/s")
    what = f"speed of prediction by {chosen.folds} `{chosen.model}`, beside a plain loop with the same decoding"
    publish([Figure(what, ratios, "x", 0.95, at_least=True)], chosen.json)


def plain_seconds(networks: list[torch.nn.Module], paths: list[Path], size: int) -> float:
    """Seconds of a loop as anyone would write it."""
    started = time.perf_counter()
    with torch.inference_mode():
        for first in range(0, len(paths), BATCH):
            batch = torch.from_numpy(
                np.stack([resized(read_image(path), size) for path in paths[first : first + BATCH]])
            )
            for network in networks:
                network(batch)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
