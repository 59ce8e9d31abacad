"""Training-set treatments: one module a strategy, in the manner of imbalanced-learn's samplers.

`contract.py` holds what they promise, `check_treatment` tries whether one keeps it. To add one, write a class, and a
YAML file in `conf/resampling/` whose `_target_` is that class.
"""

from oral_cancer.data.training_set import Images, TrainingSet
from oral_cancer.resampling.borderline_smote import BorderlineSmote
from oral_cancer.resampling.checks import check_treatment
from oral_cancer.resampling.contract import Resampling
from oral_cancer.resampling.cut_mix import CutMix
from oral_cancer.resampling.enn_ros import EnnRandomOverSampling
from oral_cancer.resampling.none import NoResampling
from oral_cancer.resampling.random_over_sampling import RandomOverSampling
from oral_cancer.resampling.soft_smote import SoftSmote

__all__ = [
    "BorderlineSmote",
    "CutMix",
    "EnnRandomOverSampling",
    "Images",
    "NoResampling",
    "RandomOverSampling",
    "Resampling",
    "SoftSmote",
    "TrainingSet",
    "check_treatment",
]
