"""The registry's stores, one table family per module. They never import each other.

A store stands in three places, of which the others follow:

1. its migration, `migrations/<number>_<name>.sql`: the tables. The newest number is the schema's version.
2. its module, `stores/<name>.py`: the records, declared once (see `..table`), and the class, a `Store` of the module's
   name in CamelCase (`Locks`). Its docstring is the store's entry in the reference: a sentence,
   and an example that goes on from an open `registry` with the sessions `s-1` and `s-2`.
3. its test, `tests/registry/stores/test_<name>.py`, with the calls that the tests of all stores make (see the others).

`registry.<name>` finds the module, the view across workspaces finds the tables in the schema, and the import contract
is about all modules here. `python -m tests.registry.stores.reference` writes the entries of the reference. Type
checkers read no directories: for them a store has two lines more in `..workspace`, an import and an annotation, and a
test compares those with the modules.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..store import Store

__all__ = ["load", "names"]


def names() -> list[str]:
    """The names of the stores, sorted."""
    from pkgutil import iter_modules  # here, because a cold start knows which store it wants

    return sorted(found.name for found in iter_modules(__path__))


def load(name: str) -> type[Store] | None:
    """The class of the store `name`, or None where there is no such store."""
    from importlib import import_module

    path = f"{__name__}.{name}"
    try:
        module = import_module(path)
    except ModuleNotFoundError as error:
        if error.name != path:
            raise
        return None
    kind: type[Store] = getattr(module, name.title().replace("_", ""))
    return kind
