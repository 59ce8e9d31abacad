#!/usr/bin/env python3
"""How fast new images are predicted, decoding included, beside a plain loop over images that are decoded already.

Both run the same networks of one ensemble in turn in one process, several rounds; the ratio of each round and their
median are printed. Above 1, we are the faster.

    python benchmarks/predict.py [--model efficientnet_lite0] [--images 200] [--folds 5] [--rounds 3]
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from oral_cancer.command import CONF
from oral_cancer.data.reader import read_image
from oral_cancer.data.simulator import write_collection
from oral_cancer.inference.engines import torch_ensemble
from oral_cancer.inference.populations import find_images
from oral_cancer.inference.predict import predict

BATCH = 16


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--model", default="efficientnet_lite0", help="a choice of conf/model")
    arguments.add_argument("--images", type=int, default=200)
    arguments.add_argument("--folds", type=int, default=5, help="networks of the ensemble")
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()

    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", [f"model={options.model}", "model.weights=none"])
    size = cfg.model.image_size * cfg.model.supersampling
    networks = [instantiate(cfg.model).eval() for _ in range(options.folds)]
    with tempfile.TemporaryDirectory() as folder:
        write_collection(Path(folder, "images"), options.images // 7 + 1, options.images // 7 + 1, seed=0)
        images = find_images(Path(folder, "images"))[: options.images]
        decoded = np.stack([read_image(image.path, size) for image in images])
        ratios = []
        for number in range(options.rounds + 1):
            plain = plain_seconds(networks, decoded)
            started = time.perf_counter()
            assert sum(1 for _ in predict(images, torch_ensemble(networks), size, BATCH, None)) == len(images)
            ours = time.perf_counter() - started
            if number:  # the first round warms up
                ratios.append(plain / ours)
                print(f"round {number}: plain {len(images) / plain:.1f}, ours {len(images) / ours:.1f} images/s")
    print(
        f"{options.model}, {options.folds} folds, {torch.get_num_threads()} threads: {statistics.median(ratios):.2f} x "
        f"the plain loop's speed (median of {options.rounds}, {min(ratios):.2f} to {max(ratios):.2f})"
    )


def plain_seconds(networks: list[torch.nn.Module], decoded: np.ndarray) -> float:
    """Seconds of a loop as anyone would write it."""
    started = time.perf_counter()
    with torch.inference_mode():
        for first in range(0, len(decoded), BATCH):
            batch = torch.from_numpy(decoded[first : first + BATCH])
            for network in networks:
                network(batch)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
