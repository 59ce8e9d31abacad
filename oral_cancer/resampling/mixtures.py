"""Labels as the treatments' options name them, and the training images of each."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from oral_cancer.errors import refuse
from oral_cancer.labels import in_files

Multiples = Mapping[str, float] | str
"""By label, each finite and at least 0; or "auto", which raises every label to the images of the most frequent."""


class Rows:
    """The training images of each class and mixture.

    Args:
        labels: str (N,), the name of each training image's class or mixture.
    """

    def __init__(self, labels: NDArray[np.str_]) -> None:
        self.by_label = {str(name): np.flatnonzero(labels == name) for name in dict.fromkeys(labels.tolist())}
        self._forms = {form: name for name in self.by_label for form in (name.replace(":", "_"), in_files(name), name)}

    def name(self, given: str) -> str:
        """The label that an option names; "3_1" and "3to1" are forms of "3:1" that Hydra's command line can name."""
        return self._forms.get(given, given)

    def __getitem__(self, given: str) -> NDArray[np.int64]:
        return self.by_label[self.name(given)]

    def others(self, name: str) -> NDArray[np.int64]:
        """The rows of all other labels, ascending."""
        return np.sort(np.concatenate([rows for other, rows in self.by_label.items() if other != name]))

    def insist(self, needed: Iterable[str], options: str = "resampling.multiples and resampling.pairs") -> None:
        """Raise a `UserError` for every label of which a treatment needs images and there is none.

        Args:
            needed: the labels.
            options: that name them.
        """
        present = ", ".join(self.by_label)
        refuse(
            [
                f"resampling: the training set has no image of {name}, but of {present}; change {options}, "
                "or choose data=homo_hetero or resampling=none"
                for name in dict.fromkeys(needed)
                if self.name(name) not in self.by_label
            ]
        )

    def paired(self, pairs: Iterable[Sequence[str]]) -> list[tuple[str, str]]:
        """The names of two labels each that `resampling.pairs` has, in whatever form it has them.

        Raises:
            UserError: where one has no image.
        """
        named = [(self.name(first), self.name(second)) for first, second in pairs]
        self.insist((name for pair in named for name in pair), "resampling.pairs")
        return named

    def to_add(self, multiples: Mapping[str, float] | None) -> dict[str, int]:
        """How many images to add to each label, in whole images.

        Raises:
            UserError: where a label has no image.
        """
        if multiples is None:
            return lacking_to_most(self.by_label)
        self.insist(multiples)
        names = map(self.name, multiples)
        return {
            name: round(multiple * len(self[name])) for name, multiple in zip(names, multiples.values(), strict=True)
        }


def lacking_to_most(by_label: Mapping[str, NDArray[np.int64]]) -> dict[str, int]:
    """How many images each label lacks to the most frequent, by the rows of each."""
    most = max(map(len, by_label.values()))
    return {name: most - len(rows) for name, rows in by_label.items()}
