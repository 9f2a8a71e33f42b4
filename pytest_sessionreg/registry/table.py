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
    # only type checkers need typing's: here the base is object, and the decorator gives back what it is given
    R, Generic = None, {None: object}

    def dataclass_transform(**_: object) -> object:
        return lambda decorated: decorated


__all__ = ["Record", "Table", "field"]


def field(check: Check | None = None, convert: Convert | None = None) -> Any:
    """A field of a record, and the column of the same name; one with neither is only annotated.

    check: turns a caller's value into what is stored, or raises InvalidValue; called with the field's name and the
        value. Callers cannot set a field without one.
    convert: turns what is stored, unless it is NULL, into what the record holds.
    """
    return check, convert


class _RecordType(type):
    """Gives a record's class its slots, and makes it a dataclass for who asks for its fields before there is one.

    `_declared` has, by name, a field's check, its conversion, and whether its type allows None. The types are read as
    text, which they are under `from __future__ import annotations`.
    """

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _RecordType:
        if bases and "__annotations__" not in namespace:  # from Python 3.14 on they are elsewhere without that import
            raise TypeError(f"record {name}: has no fields; its module needs `from __future__ import annotations`")
        declared = {
            field: (*namespace.pop(field, (None, None)), annotation.endswith("| None"))
            for field, annotation in namespace.get("__annotations__", {}).items()
        }
        return super().__new__(cls, name, bases, {**namespace, "__slots__": tuple(declared), "_declared": declared})

    def __getattr__(cls, name: str) -> Any:
        if name != "__dataclass_fields__" or not cls.__slots__:  # the base of all records is none itself
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        from .late_dataclass import finish

        finish(cls)
        return cls.__dataclass_fields__


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Record(metaclass=_RecordType):
    """The base of what the stores give back: frozen, slotted dataclasses (see above)."""

    if TYPE_CHECKING:
        _declared: ClassVar[dict[str, tuple[Check | None, Convert | None, bool]]]
        __dataclass_fields__: ClassVar[dict[str, DataclassField[Any]]]
    else:

        def __init__(self, *values: Any, **named: Any) -> None:
            from .late_dataclass import finish

            finish(type(self))
            self.__init__(*values, **named)  # the dataclass's own by now

    def __reduce__(self) -> tuple[object, ...]:
        from .late_dataclass import restored

        return restored, (type(self), {name: getattr(self, name) for name in self._declared})


class Table(Generic[R]):
    """A table whose rows become records of one kind.

    name: the table's.
    names: those of the record's fields, in the order of their declaration.
    columns: the same as SQL lists them: "name, session_id, ...". A row to be read has these columns.
    values: the placeholders for an INSERT of all of them by name: ":name, :session_id, ...".
    """

    __slots__ = ("_checks", "_conversions", "_kind", "_optional", "columns", "name", "names", "values")

    def __init__(self, name: str, kind: type[R]) -> None:
        self._kind = kind
        declared = kind._declared  # noqa: SLF001  this module's own
        self._checks = {name: check for name, (check, _, _) in declared.items() if check}
        self._optional = {name for name, (_, _, optional) in declared.items() if optional}
        self._conversions = [(at, convert) for at, (_, convert, _) in enumerate(declared.values()) if convert]
        self.name = name
        self.names = tuple(declared)
        self.columns = ", ".join(declared)
        self.values = ":" + ", :".join(declared)

    def replacements(self, *kept: str) -> str:
        """For ON CONFLICT DO UPDATE SET: all columns but `kept` become those of the row that could not be inserted."""
        return ", ".join([f"{name} = excluded.{name}" for name in self.names if name not in kept])

    def empty(self) -> dict[str, None]:
        """Every column as NULL, for an INSERT of all columns to start from."""
        return dict.fromkeys(self.names)

    def check(self, name: str, value: Any) -> Any:
        """What is stored of a caller's value; None stays None where the field may be None. Raises InvalidValue."""
        return None if value is None and name in self._optional else self._checks[name](name, value)

    def check_all(self, values: Mapping[str, Any], *, but: Iterable[str] = ()) -> dict[str, Any]:
        """What is stored of a caller's values, by field.

        but: fields that cannot be set here, beside those without a check. Raises InvalidValue.
        """
        found: dict[str, Any] = {}
        for name, value in values.items():
            check = self._checks.get(name)
            if check is None or name in but:
                known = ", ".join([known for known in self._checks if known not in but])
                raise InvalidValue(name, value, f"is no field that can be set; these are {known}")
            found[name] = None if value is None and name in self._optional else check(name, value)
        return found

    def record(self, row: Iterable[Any]) -> R:
        """The record that a row is."""
        values = list(row)
        for at, convert in self._conversions:
            stored = values[at]
            if stored is not None:
                values[at] = convert(stored)
        return self._kind(*values)

    def records(self, rows: Iterable[Iterable[Any]]) -> list[R]:
        """The records that the rows are."""
        record = self.record
        return [record(row) for row in rows]

    def first(self, rows: Sequence[Iterable[Any]]) -> R | None:
        """The record that the first row is; None if there is none."""
        return self.record(rows[0]) if rows else None

    def by_column(self, row: Iterable[Any]) -> dict[str, Any]:
        """A row as it is stored, by column."""
        return dict(zip(self.names, row, strict=True))

    def of(self, stored: Mapping[str, Any]) -> R:
        """The record of what is stored in its columns; others are left aside."""
        return self.record([stored[name] for name in self.names])
