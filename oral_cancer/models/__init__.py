"""The network: a timm backbone trained on soft labels."""

from oral_cancer.models.classifier import SoftLabelClassifier

__all__ = ["SoftLabelClassifier"]
