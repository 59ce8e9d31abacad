import numpy as np
import pytest

from tests.published import GROUPS, MIXTURES, group_names, is_known, soft_label


def test_every_soft_label_leads_back_to_its_group() -> None:
    names = [group.name for group in GROUPS]
    assert group_names(np.stack([soft_label(name) for name in names])).tolist() == names


@pytest.mark.parametrize("name", MIXTURES)
def test_a_mixture_is_written_parental_to_resistant(name: str) -> None:
    parental, resistant = map(int, name.split(":"))
    expected = [parental / (parental + resistant), resistant / (parental + resistant), 0]
    assert soft_label(name) == pytest.approx(expected)


def test_a_label_in_between_is_of_no_group() -> None:
    labels = np.array([[0.5, 0.5, 0], [0, 1, 0]])
    assert is_known(labels).tolist() == [False, True]
    with pytest.raises(ValueError, match=r"0\.5"):
        group_names(labels)


def test_no_labels_have_no_names() -> None:
    assert group_names(np.empty((0, 3))).tolist() == []
