"""A prediction of new images as a W&B run: which networks it used, what it says, and pictures of doubtful images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import wandb
from numpy.typing import NDArray

from oral_cancer.data.reader import quiet, read_new
from oral_cancer.inference.prediction import Prediction
from oral_cancer.study.tracked import start_beside, training_files
from oral_cancer.tracking import artifacts
from oral_cancer.tracking.identity import artifact_name, key
from oral_cancer.tracking.tables import OF_EACH, UNCERTAIN, show, table


def log_prediction(prediction: Prediction, name: str, files: Sequence[Path]) -> None:
    """Log the images' table with pictures of the least certain ones, the compositions, and the files written.

    Args:
        prediction: what is logged.
        name: of the folder of images.
        files: what was written.
    """
    study = prediction.model.study
    run = start_beside(study, "predict", name, {"predicted_by": prediction.model.experiment, "images": name})
    try:
        artifacts.use(run, (training_files(study, one).network for one in prediction.model.runs))
        known = prediction.images[prediction.images["left_out"] == ""].reset_index(drop=True)
        classes = list(study.classes)
        why = pd.Series("", known.index)
        why[known[classes].max(axis=1).astype(float).nsmallest(OF_EACH).index] = UNCERTAIN
        paths = {image.file: image.path for image in prediction.found.images}

        def picture(file: str) -> NDArray[np.uint8] | None:
            with quiet():
                raw, levels = read_new(paths[file], prediction.new)
            return raw.shown(levels)

        compositions = wandb.Table(dataframe=prediction.populations.astype({"population": str}))
        images = table(known, why, picture)
        show(run, study.private, {"predictions/images": images, "predictions/compositions": compositions})
        for row in prediction.populations.to_dict("records"):
            run.summary.update({key("composition", str(row["population"]), cls): row[cls] for cls in classes})
        predicted = artifact_name("predictions", study.name, name)
        artifacts.log(run, artifacts.of_files(predicted, "predictions", files, study.private))
    finally:
        run.finish()
