"""What all policies' descriptions share: immutable parameters that show in `repr`, compare and pickle."""

from __future__ import annotations

from ..error_base import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = ["Parameters", "at_least", "between", "warn_renamed"]


class Parameters:
    """An immutable description, made of the slots of its class, which are in the order of its parameters.

    A frozen dataclass in all but name, for a policy is made in every cold start (see `table`).
    """

    __slots__: tuple[str, ...] = ()

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(
            f"{type(self).__name__}.{name} cannot be set to {value!r}: a policy is immutable; make another one"
        )

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), *self._values().values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._values().items())})"

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (type(self), self._values())


def _restored(kind: type[Parameters], values: dict[str, object]) -> Parameters:
    return kind(**values)


def at_least(minimum: float, value: Any, name: str, *, whole: bool = False) -> Any:
    """`value`, if it is a finite number (`whole`: an int) not below `minimum`. Raises InvalidArgument."""
    kinds = (int,) if whole else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool) or not minimum <= value < float("inf"):
        kind = "a whole number" if whole else "a finite number"
        raise InvalidArgument(f"{name}={value!r}: must be {kind}, at least {minimum}")
    return value


def between(minimum: float, maximum: float, value: Any, name: str) -> Any:
    """`value`, if it is a number from `minimum` to `maximum`. Raises InvalidArgument."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not minimum <= value <= maximum:
        raise InvalidArgument(f"{name}={value!r}: must be a number from {minimum} to {maximum}")
    return value


def warn_renamed(old: str, new: str) -> None:
    """Warn the caller of the caller that it uses an old spelling."""
    import warnings  # here: hardly anybody is warned

    warnings.warn(f"{old} is now {new}; the old spelling goes in 0.3", DeprecationWarning, stacklevel=3)
