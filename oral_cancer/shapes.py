"""Whether plain data, as JSON brings it, has the shape that its readers take for granted.

A shape is a function that says whether a value has it.

>>> fits = entries(name=text, sizes=each(whole))
>>> fits({"name": "a", "sizes": [1, 2]}), fits({"name": "a", "sizes": [True]}), fits({"name": "a"})
(True, False, False)
"""

import math
from collections.abc import Callable
from typing import Any

Shape = Callable[[Any], bool]


def text(value: Any) -> bool:
    """A str."""
    return isinstance(value, str)


def whole(value: Any) -> bool:
    """An int, and no truth value."""
    return type(value) is int


def number(value: Any) -> bool:
    """An int or a float that is finite."""
    return type(value) is int or (type(value) is float and math.isfinite(value))


def one_of(*choices: str) -> Shape:
    """One of these texts."""
    return lambda value: text(value) and value in choices


def optional(shape: Shape) -> Shape:
    """None, or what has the shape."""
    return lambda value: value is None or shape(value)


def each(shape: Shape, length: int | None = None) -> Shape:
    """A list, of `length` items if that is given, each of which has the shape."""
    return lambda value: isinstance(value, list) and length in (None, len(value)) and all(map(shape, value))


def by_name(shape: Shape) -> Shape:
    """A dict from texts to what has the shape."""
    return lambda value: isinstance(value, dict) and all(map(text, value)) and all(map(shape, value.values()))


def entries(**shapes: Shape) -> Shape:
    """A dict that has at least these entries, each of its shape."""
    return lambda value: (
        isinstance(value, dict) and all(name in value and shape(value[name]) for name, shape in shapes.items())
    )


def below(path: Any) -> bool:
    """A relative path that does not climb: whatever folder it starts from, it names something below that."""
    if not text(path) or path.startswith("/") or "\0" in path:
        return False
    parts = path.split("/")
    return ".." not in parts and any(part not in ("", ".") for part in parts)
