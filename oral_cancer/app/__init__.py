"""The page for the bench: images dropped into a browser, and what is in the cultures that they show."""

from importlib.util import find_spec

from oral_cancer.errors import refuse

refuse(
    [
        f"app: needs the extra `app`, that is {name}: pip install {name}"
        for name in ("starlette", "uvicorn", "openpyxl")
        if find_spec(name) is None
    ]
)
