"""The baseline: how a project's storms stood when somebody last looked and agreed; ratios, in one file for review."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from ..error_base import ResultError, StormError
from ..results.numbers import check_number
from .measurement import MEASURES, Measurement

__all__ = ["SCHEMA", "Baseline"]

SCHEMA = 1
_KIND = "storm-baseline"
_NUMBERS = re.compile(r"\[\s+([-+.\deE,\s]+?)\s+\]")


@dataclass(frozen=True, slots=True)
class Baseline:
    """Measurements by the name of the storm and then by the class of the machine (see machine_class).

    tolerances: by how much each measure may get worse, as a share; those of the file, else the measures' own.
    """

    storms: Mapping[str, Mapping[str, Measurement]] = field(default_factory=dict)
    tolerances: Mapping[str, float] = field(
        default_factory=lambda: {measure.name: measure.tolerance for measure in MEASURES}
    )

    def with_measurements(self, found: Mapping[str, Mapping[str, Measurement]]) -> Baseline:
        """This baseline with those of `found` in place of the same storms on the same machines; the others stay."""
        storms = {name: dict(machines) for name, machines in self.storms.items()}
        for name, machines in found.items():
            storms.setdefault(name, {}).update(machines)
        return Baseline(storms, self.tolerances)

    def to_json(self) -> str:
        """The file's text: keys in order, the rounds of a measure on one line."""
        document = {
            "kind": _KIND,
            "schema": SCHEMA,
            "storms": {
                name: {machine: asdict(measurement) for machine, measurement in machines.items()}
                for name, machines in self.storms.items()
            },
            "tolerances": dict(self.tolerances),
        }
        text = json.dumps(document, indent=2, sort_keys=True, allow_nan=False)
        return _NUMBERS.sub(lambda found: f"[{', '.join(found[1].replace(',', ' ').split())}]", text) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Baseline:
        """What `to_json` wrote. Raises ResultError for anything else."""
        try:
            document = json.loads(text)
            kind, schema = document["kind"], document["schema"]
        except (ValueError, TypeError, KeyError) as error:
            raise ResultError(
                f"no storm baseline, or a truncated one ({type(error).__name__}: {error}); restore it, or remove it "
                "and update the baseline"
            ) from None
        if kind != _KIND:
            raise ResultError(f"of kind {kind!r}, not {_KIND!r}; name a baseline")
        if schema != SCHEMA:
            raise ResultError(
                f"the baseline has schema {schema}, this version reads {SCHEMA}; remove it and update the baseline"
            )
        try:
            storms = {
                name: {machine: Measurement.from_document(entry) for machine, entry in machines.items()}
                for name, machines in document["storms"].items()
            }
            return cls(storms, _tolerances(document["tolerances"]))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ResultError(
                f"the baseline lacks or misnames a field ({type(error).__name__}: {error}); restore it, or remove it "
                "and update the baseline"
            ) from None

    @classmethod
    def read(cls, path: str) -> Baseline:
        """The baseline at `path`, an empty one where no file is. Raises ResultError for a file that is none."""
        try:
            with open(path, encoding="utf-8") as file:
                return cls.from_json(file.read())
        except FileNotFoundError:
            return cls()
        except (OSError, UnicodeDecodeError) as error:
            raise ResultError(f"{path}: cannot be read ({error}); name a baseline, or a path where none is") from None
        except StormError as error:
            raise ResultError(f"{path}: {error}") from None

    def write(self, path: str) -> None:
        """Replace the file at `path` as a whole. Raises OSError where it cannot be written."""
        directory = os.path.dirname(os.path.abspath(path))
        os.makedirs(directory, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=f".{os.path.basename(path)}.")
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(self.to_json())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise


def _tolerances(given: dict[str, float]) -> dict[str, float]:
    """Every measure's tolerance; what a file of an older version does not name has its default."""
    known = {measure.name: measure.tolerance for measure in MEASURES}
    unknown = sorted(given.keys() - known.keys())
    if unknown:
        raise KeyError(f"{', '.join(unknown)} is no measure")
    for name, share in given.items():
        check_number(f"tolerance of {name}", share, 0, 100)
    return {**known, **given}
