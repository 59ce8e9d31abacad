from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from oral_cancer.data.training_set import TrainingSet, checked
from oral_cancer.errors import UserError

IMAGES = np.zeros((4, 8, 8, 3), np.uint8)
PURE = np.eye(3, dtype=np.float32)
NONE = np.empty((0, 8, 8, 3), np.uint8)


def test_what_keeps_the_contract_passes_in_the_contracts_types() -> None:
    treated = SimpleNamespace(indices=[3, 0], synthetic=IMAGES[:1], soft_labels=PURE.astype(float))
    found = checked(treated, IMAGES, 3, "own")
    assert isinstance(found, TrainingSet)
    assert found.indices.dtype == np.int64
    assert found.soft_labels.dtype == np.float32
    assert len(found) == 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"indices": [0, 4, 1]}, "from 0 to 3"),
        ({"indices": [-1, 0, 1]}, "from 0 to 3"),
        ({"indices": [0.0, 1.0, 2.0]}, "whole numbers"),
        ({"synthetic": IMAGES[:1]}, "soft_labels must be floats"),
        ({"synthetic": np.empty((0, 9, 8, 3), np.uint8)}, "synthetic must be uint8 (S, 8, 8, 3)"),
        ({"synthetic": NONE.astype(float)}, "synthetic must be uint8"),
        ({"soft_labels": PURE * 0.5}, "1 in sum"),
        ({"soft_labels": np.float32([[2, -1, 0], [0, 1, 0], [0, 0, 1]])}, "not negative"),
        ({"soft_labels": np.full((3, 3), np.nan, np.float32)}, "1 in sum"),
        ({"soft_labels": np.arange(3)}, "soft_labels must be floats (M + S, 3)"),
        ({"indices": [], "soft_labels": PURE[:0]}, "no image is left"),
    ],
)
def test_what_breaks_it_is_refused_with_the_reason(changes: dict[str, Any], said: str) -> None:
    treated = SimpleNamespace(**({"indices": [0, 1, 2], "synthetic": NONE, "soft_labels": PURE} | changes))
    with pytest.raises(UserError) as refusal:
        checked(treated, IMAGES, 3, "own")
    assert any(line.startswith("own: ") and said in line for line in refusal.value.lines)


def test_an_object_without_the_attributes_is_refused() -> None:
    with pytest.raises(UserError, match="no `synthetic`"):
        checked((IMAGES, PURE), IMAGES, 3, "own")
