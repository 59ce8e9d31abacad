"""What the images of a table are called, and what classes and mixtures there are among them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from oral_cancer.data.table_rows import Entry
from oral_cancer.labels import PARTS, TOLERANCE, Labels, ratio
from oral_cancer.layout import declared_parts

FEW = 20  # mixtures that are named by their ratios; images of more are all called `MIXED`
MIXED = "mixed"


def with_labels(entries: Sequence[Entry]) -> list[Entry]:
    """The entries with a label each: where the table has proportions alone, the class that has all, or a mixture.

    A mixture is named by its ratio, such as 1:3, and by the classes it holds where not all mixtures hold the same ones;
    where there are more than `FEW`, all of them are called `MIXED`.
    """
    unnamed = [entry for entry in entries if entry.label is None]
    mixed = [entry for entry in unnamed if len(_held(entry)) > 1]
    several = len({tuple(_held(entry)) for entry in mixed}) > 1
    ratios = {entry.path: _name(entry, several) for entry in mixed}
    many = len(set(ratios.values())) > FEW
    named = {entry.path: MIXED if many else ratios.get(entry.path, _held(entry)[0]) for entry in mixed}
    named |= {entry.path: _held(entry)[0] for entry in unnamed if entry.path not in named}
    return [replace(entry, label=named[entry.path]) if entry.label is None else entry for entry in entries]


def labels_of(entries: Sequence[Entry], mixtures: Mapping[str, Mapping[str, float]]) -> Labels:
    """Classes and mixtures of entries with labels.

    Columns of proportions are classes in their order, but for those of which no image has anything. Other labels are
    mixtures, if `mixtures` or their proportions say of what, else classes, in order of their names.

    Args:
        entries: see `with_labels`.
        mixtures: by name, the parts of each class, in any scale.

    Raises:
        UserError: for a mixture of parts that are no classes, and whatever `Labels` refuses.
    """
    named = {str(entry.label) for entry in entries}
    columns = list(dict.fromkeys(name for entry in entries for name in entry.shares or ()))
    by_shares = {str(entry.label) for entry in entries if entry.shares} - set(columns) - set(mixtures)
    own = sorted(named - set(columns) - set(mixtures) - by_shares)
    told = {part for name in mixtures for part in mixtures[name]}
    held = {name for entry in entries for name in _held(entry)} | told
    classes = (*(name for name in columns if name in named or name in held), *own)
    found = {name: declared_parts(name, parts, classes) for name, parts in mixtures.items()}
    for name in sorted(by_shares):
        each = [vector(entry.shares, classes) for entry in entries if entry.label == name and entry.shares]
        found[name] = tuple(np.mean(each, axis=0).tolist())
    return Labels(classes, found)


def own_proportions(entry: Entry, labels: Labels) -> tuple[float, ...] | None:
    """The proportions of the classes in an image, None where its label says them."""
    if entry.shares is None:
        return None
    own = vector(entry.shares, labels.classes)
    by_label = labels.proportions[str(entry.label)]
    return None if np.abs(np.subtract(own, by_label)).max() <= TOLERANCE else own


def vector(shares: Mapping[str, float] | None, classes: Iterable[str]) -> tuple[float, ...]:
    """Shares by name, in the order of the classes."""
    return tuple((shares or {}).get(name, 0.0) for name in classes)


def _held(entry: Entry) -> list[str]:
    """The classes of which an image has a share worth mentioning."""
    return [name for name, share in (entry.shares or {}).items() if share > TOLERANCE]


def _name(entry: Entry, with_classes: bool) -> str:
    """E.g. "1:3", or "1:3 B, T"."""
    held = _held(entry)
    shares = [(entry.shares or {})[name] for name in held]
    name = ratio(shares)
    if sum(map(int, name.split(":"))) > PARTS:
        name = ":".join(str(round(100 * share)) for share in shares)
    return f"{name} {', '.join(held)}" if with_classes else name
