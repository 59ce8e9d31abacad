"""A number and what is counted."""


def counted(number: int, one: str, several: str = "") -> str:
    """A number with its noun, in the singular for one.

    >>> counted(1, "run"), counted(3, "image"), counted(2, "class", "classes")
    ('1 run', '3 images', '2 classes')
    """
    return f"{number} {one if number == 1 else several or f'{one}s'}"
