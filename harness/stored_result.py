"""Results that commands read: found, whole, and fit to be shown."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from pytest_sessionreg.storm.errors import ResultError
from pytest_sessionreg.storm.result import Run, StormResult

__all__ = ["FILE_NAME", "read_result", "result_path"]

FILE_NAME = "storm.json"
_MOST_NAMED = 4


def result_path(place: Path) -> Path:
    """The result at `place`: a file, or the `storm.json` of a directory. Raises ResultError where there is none."""
    if place.is_dir():
        path = place / FILE_NAME
        if path.is_file():
            return path
        inside = sorted(entry.parent for entry in place.glob(f"*/{FILE_NAME}"))
        more = ", ..." if len(inside) > _MOST_NAMED else ""
        named = f"{', '.join(map(str, inside[:_MOST_NAMED]))}{more}"
        remedy = f"name one of {named}" if inside else "name a directory that a command wrote"
        raise ResultError(f"{place}: holds no {FILE_NAME}; {remedy}")
    if not place.exists():
        raise ResultError(f"{place}: does not exist; name a result, or the directory that holds it")
    return place


def read_result(place: Path) -> StormResult:
    """The result at `place`. Raises ResultError, which names the file, its state and the remedy."""
    path = result_path(place)
    try:
        result = StormResult.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    except UnicodeDecodeError:
        raise ResultError(f"{path}: not a storm result: it is not text; name a storm.json") from None
    except RecursionError:
        raise ResultError(f"{path}: not a storm result: it is nested too deeply; name a storm.json") from None
    except ResultError as error:
        raise ResultError(f"{path}: {error}") from None
    if not result.runs:
        raise ResultError(f"{path}: the result holds no run; run it again")
    for run in result.runs:
        _check_samples(path, run)
    return result


def _check_samples(path: Path, run: Run) -> None:
    lengths = {len(getattr(run.samples, column.name)) for column in fields(run.samples)}
    if len(lengths) > 1:
        raise ResultError(f"{path}: the samples of {run.policy} are columns of different lengths; run it again")
