"""Experiments on micrographs of subtly different cells: soft labels, training-set treatments, k-fold studies."""

import os

# albumentations asks a server for its newest version at import, which delays or fails without a network.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
