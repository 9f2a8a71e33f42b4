"""Results that commands read: found, whole, and fit to be shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pytest_sessionreg.error_base import ResultError
from pytest_sessionreg.results.result import StormResult

from ..experiments.outcome import Outcome
from ..experiments.storm.outcome import read_storm
from .kinds import FILE_NAMES, read_outcome

__all__ = ["read_any", "read_result", "result_paths"]

_STORM = ("storm.json",)
_OF_HOSTS = ("hosts.json", "places.json")
_MOST_NAMED = 4

T = TypeVar("T")


def result_paths(place: Path, names: Sequence[str] = FILE_NAMES) -> list[Path]:
    """The results at `place`: a file, or those of a directory that have one of `names`; of one of several hosts also
    those that it names. Raises ResultError where there is none.
    """
    if place.is_dir():
        paths = [place / name for name in names if (place / name).is_file()]
        of_hosts = {file for path in paths if path.name in _OF_HOSTS for file in _files_of_hosts(path)}
        if of_hosts:
            inside = sorted(path for name in names for path in place.glob(f"*/{name}"))
            paths += [path for path in inside if path.relative_to(place).as_posix() in of_hosts]
        if paths:
            return paths
        inside = sorted({entry.parent for name in names for entry in place.glob(f"*/{name}")})
        more = ", ..." if len(inside) > _MOST_NAMED else ""
        named = f"{', '.join(map(str, inside[:_MOST_NAMED]))}{more}"
        remedy = f"name one of {named}" if inside else "name a directory that a command wrote"
        raise ResultError(f"{place}: holds no {' and no '.join(names)}; {remedy}")
    if not place.exists():
        raise ResultError(f"{place}: does not exist; name a result, or the directory that holds it")
    return [place]


def read_result(place: Path) -> StormResult:
    """The storm's result at `place`. Raises ResultError, which names the file, its state and the remedy."""
    (path,) = result_paths(place, _STORM)
    return _read(path, read_storm)


def read_any(path: Path) -> Outcome:
    """The result in the file `path`, of whichever kind. Raises ResultError as read_result does."""
    return _read(path, read_outcome)


def _files_of_hosts(path: Path) -> set[str]:
    """The files of single hosts that the result at `path` names; none where it cannot be read, which is told later."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        document = json.loads(path.read_text(encoding="utf-8"))
        return {str(host["file"]) for host in document[document["kind"]]}
    return set()


def _read(path: Path, reader: Callable[[str], T]) -> T:
    try:
        return reader(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    except UnicodeDecodeError:
        raise ResultError(f"{path}: not a result: it is not text; name the JSON that a command wrote") from None
    except RecursionError:
        raise ResultError(f"{path}: not a result: it is nested too deeply; name one that a command wrote") from None
    except ResultError as error:
        raise ResultError(f"{path}: {error}") from None
