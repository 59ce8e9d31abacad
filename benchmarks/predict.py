#!/usr/bin/env python3
"""How fast new images are predicted, decoding included, beside a plain loop that decodes in the same way.

Both run the same networks of one ensemble in turn in one process, several rounds; the ratio of each round and their
median are printed. Above 1, we are the faster. With `--views 8`, what stands beside it is ourselves with one view, and
the ratio is that of the seconds.

    python -m benchmarks.predict [--model efficientnet_lite0] [--images 200] [--folds 5] [--rounds 3] [--views 8]
"""

import tempfile
import time
from collections.abc import Sequence
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
from oral_cancer.inference.populations import NewImage, find_images
from oral_cancer.inference.predict import Predicted, predict
from oral_cancer.models import SoftLabelNetwork
from oral_cancer.simulation.collection import write_collection

BATCH = 16


def main() -> None:
    chosen = options(
        __doc__,
        ("--model", {"default": "efficientnet_lite0", "help": "a choice of conf/model"}),
        ("--images", {"type": int, "default": 200}),
        ("--folds", {"type": int, "default": 5, "help": "networks of the ensemble"}),
        ("--rounds", {"type": int, "default": 3}),
        ("--views", {"type": int, "default": 1, "choices": (1, 8), "help": "8: beside one view, not a plain loop"}),
    )

    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", [f"model={chosen.model}", "model.weights=none"])
    size = cfg.model.image_size * cfg.model.supersampling
    networks = [instantiate(cfg.model, classes=3).eval() for _ in range(chosen.folds)]
    with tempfile.TemporaryDirectory() as folder:
        write_collection(Path(folder, "images"), chosen.images // 7 + 1, chosen.images // 7 + 1, seed=0)
        images = find_images(Path(folder, "images")).images[: chosen.images]
        ratios = []
        for number in range(chosen.rounds + 1):
            beside = plain_seconds(networks, images, size) if chosen.views == 1 else our_seconds(networks, images, size)
            ours = our_seconds(networks, images, size, chosen.views)
            if number:  # the first round warms up
                ratios.append(beside / ours if chosen.views == 1 else ours / beside)
                print(f"round {number}: beside {len(images) / beside:.1f}, ours {len(images) / ours:.1f} images/s")
    networks_of = f"prediction by {chosen.folds} `{chosen.model}`"
    figure = (
        Figure(f"speed of {networks_of}, beside a plain loop with the same decoding", ratios, "x", 0.95, at_least=True)
        if chosen.views == 1
        else Figure(f"time of {networks_of} with `model.views={chosen.views}`, beside one view", ratios, "x", 8.5)
    )
    publish([figure], chosen.json)


def our_seconds(networks: Sequence[SoftLabelNetwork], images: Sequence[NewImage], size: int, views: int = 1) -> float:
    """Seconds of a prediction."""
    for network in networks:
        network.views = views
    started = time.perf_counter()
    outcomes = predict(images, torch_ensemble(networks), Resizing(size), BATCH, None, NewReading(Reading(), {}))
    assert all(isinstance(one, Predicted) for one in outcomes)
    return time.perf_counter() - started


def plain_seconds(networks: Sequence[SoftLabelNetwork], images: Sequence[NewImage], size: int) -> float:
    """Seconds of a loop as anyone would write it."""
    started = time.perf_counter()
    with torch.inference_mode():
        for first in range(0, len(images), BATCH):
            batch = torch.from_numpy(
                np.stack([resized(read_image(image.path), size) for image in images[first : first + BATCH]])
            )
            for network in networks:
                network(batch)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
