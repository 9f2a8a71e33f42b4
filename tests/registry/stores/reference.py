"""The stores' entries in the reference, taken from the docstrings of their modules.

    python -m tests.registry.stores.reference

writes them anew.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

from pytest_sessionreg.registry.workspace import Workspace

__all__ = ["PAGE", "rewritten"]

PAGE = Path(__file__).parents[3] / "pytest_sessionreg/README.md"
_START = (
    "<!-- what follows is written by `python -m tests.registry.stores.reference`: see registry/stores/__init__.py -->\n"
)
_END = "<!-- the end of what is written -->\n"


def rewritten(page: str) -> str:
    """The page with the entries of all stores, in the order of `Workspace`."""
    before, start, rest = page.partition(_START)
    _, end, after = rest.partition(_END)
    if not start or not end:
        raise ValueError(f"{PAGE} has no lines {_START!r} and {_END!r} around the stores' entries; put them there")
    return before + start + "".join(f"\n{_entry(name)}\n" for name in Workspace.__annotations__) + "\n" + end + after


def _entry(name: str) -> str:
    module = import_module(f"pytest_sessionreg.registry.stores.{name}")
    sentence, _, example = inspect.cleandoc(module.__doc__ or "").partition("\n\nFor example:\n\n")
    start = f"The {name} store: "
    if not sentence.startswith(start) or not example:
        raise ValueError(f"{module.__file__}: its docstring must be {start!r}, a sentence, 'For example:' and code")
    code = inspect.cleandoc("\n" + example)
    return f"**{name}**: {sentence.removeprefix(start)}\n\n```python\n{code}\n```"


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
