"""Settings of images that a table lists."""

from typing import Annotated, ClassVar

from annotated_types import MinLen

from oral_cancer.settings.data import FOLDER, OwnImages
from oral_cancer.settings.rules import AS_TYPED, PATTERNS, WITHOUT_INFLUENCE, Rule, Section, whole

Text = Annotated[str, MinLen(1)]
Key = int | Text
NAMES = Rule("a column's name, or a list of names of which each table has one")
Names = Annotated[Key | list[Key] | None, NAMES]


class Columns(Section):
    """Names by their meaning. What is not given is looked for, and of what is null there is none."""

    file: Annotated[Key | list[Key], NAMES] = "file"
    label: Names = None
    split: Names = None
    fold: Names = None
    group: Names = None
    proportions: Annotated[list[Key] | None, Rule("a list of columns, one for each class")] = None

    def given(self) -> dict[str, tuple[str, ...]]:
        """The names of each meaning that is given."""
        values = {name: getattr(self, name) for name in self.model_fields_set}
        each = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
        return {name: tuple(str(one) for one in names if one is not None) for name, names in each.items()}


class TableSource(OwnImages):
    builds: ClassVar[str] = "oral_cancer.data.table.TableSource"
    table: Annotated[
        Text | Annotated[list[Text] | dict[Key, Text], MinLen(1)],
        Rule("a table's file, a list of such, or {group: table, ...}"),
        PATTERNS,
        WITHOUT_INFLUENCE,
    ]
    root: Annotated[str | None, FOLDER, AS_TYPED, WITHOUT_INFLUENCE] = None  # type: ignore[assignment]
    columns: Columns | None = None
    file: Annotated[
        Text | list[Text] | dict[Key, Text] | None,
        Rule("a path with one place in braces, such as images/{:03d}.png, or one for each table"),
        PATTERNS,
    ] = None
    names: Annotated[dict[Key, Key] | None, Rule("names by what the table says, such as {1: neutrophil}")] = None
    min_per_label: Annotated[int, whole(1)] = 1
