"""What a store says of its rows, once: each field's name, type, check and conversion.

A record is declared in its store's module, and the lists of columns and the reading of rows follow from it:

    class Lock(Record):
        name: str = field(identifier)
        acquired_at: datetime = field(convert=from_text)

    _LOCKS = Table("locks", Lock)

Importing `dataclasses` costs a hook's cold start more than opening the database does, and `typing` half as much. So a
record becomes a frozen dataclass when the first one is made, and neither is imported before. Its slots are there from
the start, which is why it is still the same class.
"""

from __future__ import annotations

import os
from _thread import allocate_lock  # threading itself is not needed by a cold start

from .errors import InvalidValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from dataclasses import Field as DataclassField
    from typing import Any, ClassVar, Generic, TypeVar, dataclass_transform

    R = TypeVar("R", bound="Record")
    Check = Callable[[str, Any], Any]
    Convert = Callable[[Any], Any]
else:
    R = None

    class Generic:
        """Stands in for typing's."""

        __slots__ = ()

        def __class_getitem__(cls, kind: object) -> type:
            return cls

    def dataclass_transform(**_: object) -> object:
        """Stands in for typing's, which tells type checkers alone."""
        return lambda decorated: decorated


__all__ = ["Field", "Record", "Table", "field"]


class Field:
    """One field of a record, and the column of the same name.

    name: the field's.
    check: turns a caller's value into what is stored, or raises InvalidValue; None where callers cannot set it.
    convert: turns what is stored, unless it is NULL, into what the record holds; None where that is the same.
    optional: whether the field's type allows None, which is stored as NULL.
    """

    __slots__ = ("check", "convert", "name", "optional")
    name: str
    optional: bool

    def __init__(self, check: Check | None, convert: Convert | None) -> None:
        self.check = check
        self.convert = convert


def field(check: Check | None = None, convert: Convert | None = None) -> Any:
    """A field with a check (called with the field's name and the value) or a conversion; others are only annotated."""
    return Field(check, convert)


class _RecordType(type):
    """Gives a record's class its slots and its fields."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _RecordType:
        if bases:
            declared = []
            for named, annotation in namespace["__annotations__"].items():
                one: Field = namespace.pop(named, None) or Field(None, None)
                one.name, one.optional = named, annotation.endswith("| None")
                declared.append(one)
            namespace["__slots__"] = tuple(namespace["__annotations__"])
            namespace["_declared"] = tuple(declared)
        return super().__new__(cls, name, bases, namespace)


class _LateFields:
    """`__dataclass_fields__` of a record of which none has been made yet."""

    __slots__ = ()

    def __get__(self, record: Record | None, kind: type[Record]) -> dict[str, DataclassField[Any]]:
        if kind is Record:
            raise AttributeError("the base of the records has no fields")
        _finish(kind)
        return kind.__dataclass_fields__


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Record(metaclass=_RecordType):
    """The base of what the stores give back: frozen, slotted dataclasses (see above)."""

    __slots__ = ()
    if TYPE_CHECKING:
        _declared: ClassVar[tuple[Field, ...]]
        __dataclass_fields__: ClassVar[dict[str, DataclassField[Any]]]
    else:
        __dataclass_fields__ = _LateFields()

        def __init__(self, *values: Any, **named: Any) -> None:
            _finish(type(self))
            self.__init__(*values, **named)  # the dataclass's own by now

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (type(self), {one.name: getattr(self, one.name) for one in self._declared})


def _restored(kind: type[R], values: dict[str, Any]) -> R:
    return kind(**values)


_finishing = allocate_lock()


def _finish(kind: type[Record]) -> None:
    """Make `kind` a dataclass, whichever thread is the first to need it."""
    from dataclasses import dataclass

    with _finishing:
        if "__dataclass_fields__" not in vars(kind):
            dataclass(frozen=True)(kind)


def _after_fork_in_child() -> None:
    """A thread that the child does not have may have held the lock."""
    global _finishing  # noqa: PLW0603  as above
    _finishing = allocate_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


class Table(Generic[R]):
    """A table whose rows become records of one kind.

    name: the table's.
    fields: the record's fields, in the order of their declaration.
    columns: their names as SQL lists them: "name, session_id, ...". A row to be read has these columns.
    values: the placeholders for an INSERT of all of them by name: ":name, :session_id, ...".
    """

    __slots__ = ("_by_name", "_conversions", "_kind", "columns", "fields", "name", "values")

    def __init__(self, name: str, kind: type[R]) -> None:
        self.name = name
        self.fields = kind._declared  # noqa: SLF001  this module's own
        self.columns = ", ".join([one.name for one in self.fields])
        self.values = ":" + self.columns.replace(", ", ", :")
        self._kind = kind
        self._by_name = {one.name: one for one in self.fields}
        self._conversions = [(at, one.convert) for at, one in enumerate(self.fields) if one.convert is not None]

    def replaced(self, *kept: str) -> str:
        """For ON CONFLICT DO UPDATE SET: all columns but `kept` become those of the row that could not be inserted."""
        return ", ".join(f"{one.name} = excluded.{one.name}" for one in self.fields if one.name not in kept)

    def empty(self) -> dict[str, None]:
        """Every column as NULL, for an INSERT of all columns to start from."""
        return dict.fromkeys(self._by_name)

    def checked(self, values: Mapping[str, Any], *, but: Iterable[str] = ()) -> dict[str, Any]:
        """What is stored of a caller's values, by field; None stays None where the field may be None.

        but: fields that cannot be set here, beside those without a check. Raises InvalidValue.
        """
        found: dict[str, Any] = {}
        for name, value in values.items():
            one = self._by_name.get(name)
            if one is None or one.check is None or name in but:
                known = ", ".join(own.name for own in self.fields if own.check is not None and own.name not in but)
                raise InvalidValue(name, value, f"is no field that can be set; these are {known}")
            found[name] = None if value is None and one.optional else one.check(name, value)
        return found

    def record(self, row: Sequence[Any]) -> R:
        """The record that a row is."""
        values = list(row)
        for at, convert in self._conversions:
            stored = values[at]
            if stored is not None:
                values[at] = convert(stored)
        return self._kind(*values)

    def stored(self, row: Sequence[Any]) -> dict[str, Any]:
        """A row as it is stored, by column."""
        return dict(zip(self._by_name, row, strict=True))

    def of(self, stored: Mapping[str, Any]) -> R:
        """The record of these stored values, by column; others are left aside."""
        return self.record([stored[one.name] for one in self.fields])

    def records(self, rows: Iterable[Sequence[Any]]) -> list[R]:
        """The records that the rows are."""
        record = self.record
        return [record(row) for row in rows]

    def first(self, rows: Sequence[Sequence[Any]]) -> R | None:
        """The record that the first row is; None if there is none."""
        return self.record(rows[0]) if rows else None
