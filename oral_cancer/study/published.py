"""The published trainings by epoch, to draw beside those of a study on the same images.

Means over the folds of M1 to M5 on the pure validation images, from the training logs in the notebooks that the authors
of PLOS ONE e0310304 published with their code, (c) 2024 Jane_Hsieh, MIT licence. M1 has three whole trainings and the
first two epochs of a fourth, two of M3's five lack the last epoch, the others have five whole ones. Every model has
folds of its own, and M3's were trained on images that wrapped round (see `resampling.interpolation.wrapped_sums`).
"""

import pandas as pd

from oral_cancer.data.collection import IDENTICAL
from oral_cancer.simulation.published import COUNTS, LABELS
from oral_cancer.study.runs import Study

VAL_LOSS = {
    "m1": (0.0566, 0.0236, 0.0098, 0.0086, 0.0062, 0.0054, 0.0045, 0.0047, 0.0046, 0.0037),
    "m2": (0.1001, 0.0560, 0.0344, 0.0295, 0.0265, 0.0207, 0.0186, 0.0170, 0.0172, 0.0168),
    "m3": (0.1227, 0.0675, 0.0503, 0.0359, 0.0313, 0.0295, 0.0277, 0.0263, 0.0223, 0.0150),
    "m4": (0.1291, 0.0823, 0.0576, 0.0414, 0.0345, 0.0314, 0.0293, 0.0282, 0.0276, 0.0255),
    "m5": (0.1275, 0.0782, 0.0571, 0.0394, 0.0345, 0.0305, 0.0288, 0.0260, 0.0242, 0.0226),
}
VAL_ACCURACY = {
    "m1": (0.9357, 0.9896, 0.9954, 0.9908, 0.9977, 0.9977, 0.9977, 0.9977, 0.9977, 0.9954),
    "m2": (0.8694, 0.9528, 0.9806, 0.9792, 0.9792, 0.9861, 0.9889, 0.9889, 0.9917, 0.9917),
    "m3": (0.8070, 0.9389, 0.9639, 0.9778, 0.9750, 0.9778, 0.9778, 0.9750, 0.9833, 0.9931),
    "m4": (0.8042, 0.9180, 0.9444, 0.9639, 0.9653, 0.9806, 0.9778, 0.9778, 0.9764, 0.9833),
    "m5": (0.7569, 0.9208, 0.9375, 0.9708, 0.9681, 0.9750, 0.9764, 0.9819, 0.9833, 0.9833),
}
REPEATS = {"m3_published": "m3"}
"""The published model that another experiment repeats."""


def published_curves(study: Study) -> pd.DataFrame:
    """The published means beside a study's trainings, with the columns of its histories; empty for other images.

    Returns:
        Columns `experiment`, as the study has it, `epoch`, from 0, `val_loss` and `val_accuracy`.
    """
    there = dict.fromkeys(run.experiment for run in study.complete) if is_of_published_images(study) else {}
    models = {name: REPEATS.get(name, name) for name in there}
    frames = [
        pd.DataFrame({"experiment": name, "val_loss": VAL_LOSS[model], "val_accuracy": VAL_ACCURACY[model]})
        for name, model in models.items()
        if model in VAL_LOSS
    ]
    nothing = pd.DataFrame({"experiment": [], "val_loss": [], "val_accuracy": []})
    return pd.concat([nothing, *frames]).rename_axis("epoch").reset_index()


def is_of_published_images(study: Study) -> bool:
    """Whether a study's images are the published ones by their labels and their number, and are not simulated."""
    found = study.complete[0].facts.get("found") or {"images": {}, "left_out": {}}
    identical = found["left_out"].get(IDENTICAL, {"number": 0})["number"]
    number = sum(sum(COUNTS[LABELS.image_set(name)].values()) for name in LABELS.names)
    return (
        not study.simulated
        and set(study.predictions["label"]) == set(LABELS.names)
        and sum(found["images"].values()) + identical == number
    )
