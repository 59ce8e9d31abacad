import numpy as np
import pytest

from oral_cancer.errors import UserError
from oral_cancer.labels import Labels, mixing
from tests.published import BY_NAME, CLASSES, LABELS, MIXTURES, soft_label


@pytest.mark.parametrize("name", MIXTURES)
def test_a_published_mixture_is_written_parental_to_resistant(name: str) -> None:
    parental, resistant = map(int, name.split(":"))
    expected = [parental / (parental + resistant), resistant / (parental + resistant), 0]
    assert soft_label(name) == pytest.approx(expected)
    assert soft_label(name).dtype == np.float32


def test_the_published_labels_in_their_order() -> None:
    assert CLASSES == ("parental", "resistant", "control")
    assert tuple(BY_NAME) == LABELS.names == (*CLASSES, "1:2", "2:1", "1:3", "3:1")
    assert mixing(CLASSES, LABELS.mixtures) == ["parental", "resistant"]
    assert [LABELS.image_set(name) for name in ("control", "1:3")] == ["homo", "hetero"]


@pytest.mark.parametrize(
    ("classes", "mixtures", "said"),
    [
        (("alone",), {}, "1 class (alone); there must be 2 to 50"),
        (tuple(map(str, range(51))), {}, "there must be 2 to 50"),
        (("a b", "a_b"), {}, "the labels a b and a_b are alike as file names (a_b)"),
        (("A", "a"), {}, "the labels A and a are alike as file names"),
        (("a", ""), {}, "the label '' is empty"),
        (("a", "b/c"), {}, "the label 'b/c' is a path"),
        (("a", ".."), {}, "the label '..' is a path"),
        (("a", "=b"), {}, "the label '=b'"),
        (("a", "true_a"), {}, "the class 'true_a' is called as a column of the tables"),
        (("a", "1:3"), {}, "the class 1:3 is named as a mixture is; describe its parts in source.mixtures, or rename"),
        (("a", "fold"), {}, "the class 'fold' is called as a column of the tables"),
        (("a", "b"), {"1:1": (0.5, 0.6)}, "the mixture 1:1 has the proportions [0.5, 0.6]"),
        (("a", "b"), {"1:1": (1.0,)}, "the mixture 1:1 has the proportions"),
    ],
)
def test_what_cannot_be_told_apart_is_refused_by_name(
    classes: tuple[str, ...], mixtures: dict[str, tuple[float, ...]], said: str
) -> None:
    with pytest.raises(UserError) as refused:
        Labels(classes, mixtures)
    assert any(said in line for line in refused.value.lines), refused.value.lines


@pytest.mark.parametrize("name", ["T细胞", "naïve", "Bcr-Abl+", "CD4 (fresh)", "ω", "1"])
def test_names_of_any_script_are_fine(name: str) -> None:
    assert Labels((name, "other")).names == (name, "other")
